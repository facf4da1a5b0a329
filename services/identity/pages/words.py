"""What identity's problems mean for the person before the screen, in Vietnamese and one English sentence."""

from collections.abc import Mapping

from shared.page_texts import Text

_BEGIN_AGAIN = "Vui lòng quay lại hệ thống nơi bạn nộp hồ sơ và bắt đầu đăng nhập lại."

PROBLEMS: Mapping[str, Text] = {
    "request_uri_spent": Text(
        "Đường dẫn đăng nhập đã hết hạn",
        f"Mỗi đường dẫn chỉ dùng được một lần, trong một phút. {_BEGIN_AGAIN}",
        "This login link works once, for a minute. Please go back to where you file your application and log in again.",
    ),
    "flow_not_found": Text(
        "Không mở được trang này ở đây",
        "Bước này chỉ tiếp tục được trong trình duyệt mà bạn đã bắt đầu đăng nhập. Nếu ai đó gửi cho bạn đường dẫn này,"
        f" hãy bỏ qua. Nếu là hồ sơ của bạn: {_BEGIN_AGAIN[0].lower()}{_BEGIN_AGAIN[1:]}",
        "This step goes on only in the browser in which the login began. If somebody sent you this link, ignore it."
        " Otherwise please go back to where you file your application and log in again.",
    ),
    "flow_over": Text(
        "Lần đăng nhập này đã kết thúc",
        "Ở đây không còn gì phải làm. Nếu bạn đã trả lời xong, câu trả lời đã được ghi nhận: hãy đóng trang này và mở"
        " lại hệ thống nơi bạn nộp hồ sơ. Nếu chưa, hãy bắt đầu đăng nhập lại ở đó.",
        "There is nothing left to do here. If you have answered, your answer is recorded: close this page and open"
        " the system where you file your application. Otherwise please log in again from there.",
    ),
    "doubled_parameter": Text(
        "Đường dẫn không đúng",
        _BEGIN_AGAIN,
        "This address is not right. Please go back to where you file your application and log in again.",
    ),
}
