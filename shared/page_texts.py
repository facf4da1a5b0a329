"""Says what a problem means for the person before the screen, and what she does next."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem, Unauthenticated, Unavailable
from shared.languages import Words


class Way(NamedTuple):
    """A page of the same service that leads on, and what the button says."""

    address: str
    words: Words


class Text(NamedTuple):
    """A heading, what to do next, and the way on where we know it."""

    title: Words
    what_next: Words
    way: Way | None = None


_KINDS = (Unavailable, NotFound, Unauthenticated, Forbidden, Conflict, Invalid)

TEXTS: Mapping[str, Text] = {
    "foreign_form": Text(
        Words("Trang đã cũ", "This page is too old"),
        Words(
            "Trang này đã mở quá lâu hoặc được gửi từ nơi khác. Vui lòng quay lại trang trước, tải lại trang rồi"
            " bấm lại.",
            "It has been open for too long, or came from elsewhere. Please go back, reload the page and press the"
            " button again.",
        ),
    ),
    "body_too_large": Text(
        Words("Nội dung gửi lên quá lớn", "What you sent is too large"),
        Words("Vui lòng rút gọn nội dung rồi gửi lại.", "Please shorten it and send it again."),
    ),
    "method_not_allowed": Text(
        Words("Trang này không mở được theo cách đó", "This page cannot be opened that way"),
        Words(
            "Vui lòng bắt đầu lại từ trang của hệ thống bạn đang làm thủ tục.",
            "Please start again from the system where you file your application.",
        ),
    ),
    "internal_error": Text(
        Words("Hệ thống gặp lỗi", "Something went wrong on our side"),
        Words(
            "Lỗi đã được ghi lại. Vui lòng thử lại; nếu vẫn lỗi, hãy gửi mã tra cứu dưới đây cho cơ quan nơi bạn nộp"
            " hồ sơ.",
            "It has been recorded. Please try again; if it persists, give the code below to the agency where you file.",
        ),
    ),
    Unavailable.code: Text(
        Words("Hệ thống đang bận", "The system is busy"),
        Words(
            "Không phải lỗi của bạn, và chưa có gì bị mất. Vui lòng thử lại sau ít phút.",
            "It is not your fault and nothing is lost. Please try again in a few minutes.",
        ),
    ),
    NotFound.code: Text(
        Words("Không tìm thấy", "Not found"),
        Words(
            "Trang hoặc hồ sơ này không có, hoặc không dành cho bạn. Vui lòng kiểm tra lại đường dẫn.",
            "There is no such page, or it is not for you. Please check the address.",
        ),
    ),
    Unauthenticated.code: Text(
        Words("Bạn chưa đăng nhập", "You are not logged in"),
        Words("Vui lòng đăng nhập bằng VNeID để tiếp tục.", "Please log in with VNeID to continue."),
    ),
    Forbidden.code: Text(
        Words("Bạn không được phép xem trang này", "You may not see this page"),
        Words(
            "Nếu bạn cho rằng đây là nhầm lẫn, hãy hỏi cơ quan nơi bạn nộp hồ sơ.",
            "If you think this is a mistake, please ask the agency where you file your application.",
        ),
    ),
    Conflict.code: Text(
        Words("Việc này không còn làm được nữa", "This can no longer be done"),
        Words(
            "Có thể việc này đã được làm ở một thẻ trình duyệt khác hoặc đã hết hạn. "
            "Vui lòng tải lại trang để xem trạng thái mới.",
            "It may have been done in another tab or have lapsed. Please reload the page.",
        ),
    ),
    Invalid.code: Text(
        Words("Nội dung gửi lên chưa đúng", "What was sent is not right"),
        Words(
            "Đường dẫn bị thiếu hoặc có ô điền chưa đúng. Vui lòng quay lại trang trước, kiểm tra rồi gửi lại.",
            "The address is incomplete or something was filled in wrongly. Please go back, check it and send it again.",
        ),
    ),
}
"""By the code of a problem, or of its kind."""


def name_of(problem: Problem, texts: Mapping[str, Text]) -> str:
    """Return the name of a problem's text: its code, or else its kind's; what has no kind is a bug of ours."""
    kind = next((kind.code for kind in _KINDS if isinstance(problem, kind)), "internal_error")
    return problem.code if problem.code in texts else kind
