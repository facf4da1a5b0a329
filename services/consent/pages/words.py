"""How consent's pages say things in Vietnamese: states, uses, and what a problem means."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from services.consent.domain.use import UseKind
from shared.page_texts import Text, Way
from shared.vietnam import VIETNAM


def exactly(value: datetime) -> str:
    """Write an instant to the second in Vietnamese time, rounded up: never earlier than the moment that was signed."""
    whole = value.replace(microsecond=0)
    told = whole if whole == value else whole + timedelta(seconds=1)
    return told.astimezone(VIETNAM).strftime("%H:%M:%S ngày %d/%m/%Y")


_HER_PAGE = Way("/consent/me", "Mở trang Dữ liệu của tôi")

USE_WORDS: Mapping[UseKind, str] = {
    UseKind.LOGGED_IN: "Bạn đăng nhập bằng VNeID",
    UseKind.IDENTIFIED: "Cán bộ kiểm tra giấy tờ của bạn tại quầy",
    UseKind.LOOKED_UP: "Tra cứu tại cơ sở dữ liệu nguồn",
    UseKind.RELEASED: "Cung cấp dữ liệu cho cơ quan",
    UseKind.WITHHELD: "Dữ liệu đã được giữ lại, chưa gửi đi",
    UseKind.DEPOSITED: "Lưu kết quả giải quyết thủ tục",
    UseKind.DELETED: "Xóa dữ liệu đã lưu",
}

OUTCOME_WORDS: Mapping[str, str] = {
    "found": "tìm thấy",
    "partial": "chỉ có một phần, cán bộ sẽ kiểm tra",
    "mismatch": "không khớp hoàn toàn, cán bộ sẽ kiểm tra",
    "not_found": "không tìm thấy",
    "unavailable": "nguồn dữ liệu không trả lời",
}

STATE_WORDS: Mapping[str, str] = {
    "granted": "Đang có hiệu lực",
    "withdrawn": "Bạn đã rút lại",
    "expired": "Đã hết thời hạn",
    "ended": "Đã kết thúc",
}

END_WORDS: Mapping[str, str] = {
    "dossier_closed": "hồ sơ đã được giải quyết xong",
    "rule_ended": "quy định làm căn cứ không còn áp dụng",
    "officer": "cơ quan quyết định chấm dứt",
    "replaced": "được thay bằng quyết định mới hơn trong cùng hồ sơ",
}

PROBLEMS: Mapping[str, Text] = {
    "request_not_found": Text(
        "Không mở được trang này ở đây",
        "Trang xác nhận chỉ mở được trong trình duyệt mà bạn đã đăng nhập VNeID. Nếu ai đó gửi cho bạn đường dẫn này,"
        " hãy bỏ qua. Nếu là hồ sơ của bạn, hãy quay lại hệ thống nơi bạn nộp hồ sơ và đăng nhập lại.",
        "This page opens only in the browser in which you logged in. Please go back to where you file your application"
        " and log in again.",
    ),
    "ticket_spent": Text(
        "Đường dẫn này đã hết hạn",
        "Vui lòng quay lại hệ thống nơi bạn nộp hồ sơ và bắt đầu đăng nhập lại. Chưa có dữ liệu nào của bạn được dùng.",
        "This step has expired. Please go back to where you file your application and log in again. None of your data"
        " has been used.",
    ),
    "dossier_closed": Text(
        "Hồ sơ này đã đóng",
        "Cơ quan đã kết thúc hồ sơ, nên không cần bạn trả lời nữa. Không có dữ liệu nào được dùng thêm.",
        "This application has been closed, so there is nothing left to answer. No further data are used.",
    ),
    "stands_on_law": Text(
        "Mục này không rút lại được",
        "Pháp luật cho phép cơ quan dùng dữ liệu này để giải quyết hồ sơ của bạn, nên việc dùng không dựa trên sự đồng"
        " ý của bạn. Quyền này tự chấm dứt khi hồ sơ được giải quyết xong. Nếu bạn cho rằng dữ liệu bị dùng sai, hãy"
        " phản ánh với cơ quan đang giữ hồ sơ.",
        "The law itself allows the agency to use these data for your application, so there is no agreement to withdraw."
        " The right ends by itself when the application is finished.",
    ),
    "illegal_transition": Text(
        "Việc này đã kết thúc từ trước",
        "Mục này không còn hiệu lực nên không cần rút lại. Hãy mở trang của bạn để xem trạng thái mới nhất.",
        "This is no longer in force, so there is nothing to withdraw. Go back to your page to see its present state.",
        _HER_PAGE,
    ),
    "login_needed": Text(
        "Bạn cần đăng nhập lại",
        "Phiên đăng nhập đã hết. Hãy mở trang “Dữ liệu của tôi” và đăng nhập bằng VNeID.",
        "Your session is over. Open “My data” and log in with VNeID.",
        _HER_PAGE,
    ),
    "login_failed": Text(
        "Đăng nhập chưa thành công",
        "Bạn đã từ chối, hoặc đăng nhập mất quá nhiều thời gian. Hãy mở lại trang “Dữ liệu của tôi” và thử lại.",
        "The login was refused or took too long. Open “My data” and try again.",
        _HER_PAGE,
    ),
    "login_source_failed": Text(
        "VNeID tạm thời không trả lời",
        "Không phải lỗi của bạn, và chưa có gì bị mất. Hãy mở lại trang “Dữ liệu của tôi” và thử lại sau ít phút.",
        "VNeID does not answer at the moment. It is not your fault. Open “My data” and try again in a few minutes.",
        _HER_PAGE,
    ),
    "grant_not_found": Text(
        "Không tìm thấy mục này",
        "Mục này không có hoặc không phải của bạn. Hãy quay lại trang “Dữ liệu của tôi”.",
        "There is no such item, or it is not yours. Go back to “My data”.",
        _HER_PAGE,
    ),
    "receipt_not_found": Text(
        "Không tìm thấy biên nhận này",
        "Biên nhận này không có hoặc không phải của bạn. Hãy quay lại trang “Dữ liệu của tôi”.",
        "There is no such receipt, or it is not yours. Go back to “My data”.",
        _HER_PAGE,
    ),
}
