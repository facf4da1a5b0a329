"""What identity's problems mean for the person before the screen."""

from collections.abc import Mapping

from shared.languages import Words
from shared.page_texts import Text

_BEGIN_AGAIN = Words(
    "Vui lòng quay lại hệ thống nơi bạn nộp hồ sơ và bắt đầu đăng nhập lại.",
    "Please go back to where you file your application and log in again.",
)

PROBLEMS: Mapping[str, Text] = {
    "request_uri_spent": Text(
        Words("Đường dẫn đăng nhập đã hết hạn", "This login link has expired"),
        Words(
            f"Mỗi đường dẫn chỉ dùng được một lần, trong một phút. {_BEGIN_AGAIN.vi}",
            f"Each link works once, for a minute. {_BEGIN_AGAIN.en}",
        ),
    ),
    "flow_not_found": Text(
        Words("Không mở được trang này ở đây", "This page does not open here"),
        Words(
            "Bước này chỉ tiếp tục được trong trình duyệt mà bạn đã bắt đầu đăng nhập. Nếu ai đó gửi cho bạn đường dẫn"
            f" này, hãy bỏ qua. Nếu là hồ sơ của bạn: {_BEGIN_AGAIN.vi[0].lower()}{_BEGIN_AGAIN.vi[1:]}",
            "This step goes on only in the browser in which the login began. If somebody sent you this link, ignore it."
            f" If it is your application: {_BEGIN_AGAIN.en[0].lower()}{_BEGIN_AGAIN.en[1:]}",
        ),
    ),
    "flow_over": Text(
        Words("Lần đăng nhập này đã kết thúc", "This login is over"),
        Words(
            "Ở đây không còn gì phải làm. Nếu bạn đã trả lời xong, câu trả lời đã được ghi nhận: hãy đóng trang này và"
            " mở lại hệ thống nơi bạn nộp hồ sơ. Nếu chưa, hãy bắt đầu đăng nhập lại ở đó.",
            "There is nothing left to do here. If you have answered, your answer is recorded: close this page and open"
            " the system where you file your application. Otherwise please log in again from there.",
        ),
    ),
    "doubled_parameter": Text(Words("Đường dẫn không đúng", "This address is not right"), _BEGIN_AGAIN),
}
