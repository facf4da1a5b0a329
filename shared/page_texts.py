"""Says in Vietnamese, and below it in English, what a problem means for the person before the screen."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem, Unauthenticated, Unavailable


class Way(NamedTuple):
    """A page of the same service that leads on, and what the button says."""

    address: str
    words: str


class Text(NamedTuple):
    """A heading, what to do next, both in one English sentence, and the way on where we know it."""

    title: str
    what_next: str
    english: str
    way: Way | None = None


_TRY_AGAIN = Text(
    "Hệ thống đang bận",
    "Không phải lỗi của bạn, và chưa có gì bị mất. Vui lòng thử lại sau ít phút.",
    "The system is busy. It is not your fault and nothing is lost. Please try again in a few minutes.",
)

TEXTS: Mapping[str, Text] = {
    "foreign_form": Text(
        "Trang đã cũ",
        "Trang này được mở quá lâu hoặc từ nơi khác. Vui lòng quay lại trang trước, tải lại và bấm lần nữa.",
        "This page is too old or came from elsewhere. Please go back, reload the page and press the button again.",
    ),
    "body_too_large": Text(
        "Nội dung gửi lên quá lớn",
        "Vui lòng rút gọn nội dung rồi gửi lại.",
        "What you sent is too large. Please shorten it and send it again.",
    ),
    "method_not_allowed": Text(
        "Trang này không mở được theo cách đó",
        "Vui lòng bắt đầu lại từ trang của hệ thống bạn đang làm thủ tục.",
        "This page cannot be opened that way. Please start again from the system where you file your application.",
    ),
    "internal_error": Text(
        "Đã có lỗi của hệ thống",
        "Lỗi đã được ghi lại. Vui lòng thử lại; nếu vẫn lỗi, hãy gửi mã tra cứu dưới đây cho bộ phận hỗ trợ.",
        "Something went wrong on our side and was recorded. Try again; if it persists, give support the code below.",
    ),
}

_BY_KIND: Mapping[type[Problem], Text] = {
    Unavailable: _TRY_AGAIN,
    NotFound: Text(
        "Không tìm thấy",
        "Trang hoặc hồ sơ này không có, hoặc không dành cho bạn. Vui lòng kiểm tra lại đường dẫn.",
        "There is no such page, or it is not for you. Please check the address.",
    ),
    Unauthenticated: Text(
        "Bạn chưa đăng nhập",
        "Vui lòng đăng nhập bằng VNeID để tiếp tục.",
        "Please log in with VNeID to continue.",
    ),
    Forbidden: Text(
        "Bạn không được phép xem trang này",
        "Nếu bạn cho rằng đây là nhầm lẫn, hãy liên hệ bộ phận hỗ trợ.",
        "You may not see this page. If you think this is a mistake, please contact support.",
    ),
    Conflict: Text(
        "Việc này không còn làm được nữa",
        "Có thể việc này đã được làm ở một thẻ khác hoặc đã hết hạn. Vui lòng tải lại trang để xem trạng thái mới.",
        "This can no longer be done: it may have been done in another tab or have lapsed. Please reload the page.",
    ),
    Invalid: Text(
        "Nội dung gửi lên chưa đúng",
        "Đường dẫn bị thiếu hoặc có ô điền chưa đúng. Vui lòng quay lại trang trước, kiểm tra rồi gửi lại.",
        "The address is incomplete or something was filled in wrongly. Please go back, check it and send it again.",
    ),
}


def text_of(problem: Problem, texts: Mapping[str, Text]) -> Text:
    """Return the text of a problem's code, or else of its kind."""
    by_kind = next((text for kind, text in _BY_KIND.items() if isinstance(problem, kind)), texts["internal_error"])
    return texts.get(problem.code, by_kind)
