"""How consent's pages say things: states, uses, and what a problem means."""

from collections.abc import Mapping

from services.consent.domain.use import UseKind
from shared.languages import Words
from shared.page_texts import Text, Way

_HER_PAGE = Way("/consent/me", Words("Mở trang Dữ liệu của tôi", "Open My data"))

USE_WORDS: Mapping[UseKind, Words] = {
    UseKind.LOGGED_IN: Words("Bạn đăng nhập bằng VNeID", "You logged in with VNeID"),
    UseKind.IDENTIFIED: Words(
        "Cán bộ kiểm tra giấy tờ của bạn tại quầy", "An officer checked your card at the counter"
    ),
    UseKind.LOOKED_UP: Words("Tra cứu tại cơ sở dữ liệu nguồn", "Looked up in the source database"),
    UseKind.RELEASED: Words("Cung cấp dữ liệu cho cơ quan", "Data given to the agency"),
    UseKind.WITHHELD: Words("Đã dừng gửi, dữ liệu không được gửi đi", "Data held back, not sent"),
    UseKind.DEPOSITED: Words("Lưu kết quả giải quyết thủ tục", "The result of a procedure was kept"),
    UseKind.DELETED: Words("Xóa dữ liệu đã lưu", "Kept data deleted"),
}

OUTCOME_WORDS: Mapping[str, Words] = {
    "found": Words("tìm thấy", "found"),
    "partial": Words("chỉ có một phần, cán bộ sẽ kiểm tra", "only a part is there, an officer will check"),
    "mismatch": Words("không khớp hoàn toàn, cán bộ sẽ kiểm tra", "does not match fully, an officer will check"),
    "not_found": Words("không tìm thấy", "not found"),
    "unavailable": Words("nguồn dữ liệu không trả lời", "the source did not answer"),
}

STATE_WORDS: Mapping[str, Words] = {
    "granted": Words("Đang có hiệu lực", "In force"),
    "withdrawn": Words("Bạn đã rút lại", "You withdrew it"),
    "expired": Words("Đã hết thời hạn", "Expired"),
    "ended": Words("Đã kết thúc", "Ended"),
}

END_WORDS: Mapping[str, Words] = {
    "dossier_closed": Words("hồ sơ đã kết thúc", "the application is over"),
    "rule_ended": Words("quy định làm căn cứ không còn áp dụng", "the rule it stood on no longer applies"),
    "officer": Words("cơ quan quyết định chấm dứt", "the agency decided to end it"),
    "replaced": Words(
        "được thay bằng quyết định mới hơn trong cùng hồ sơ", "replaced by a newer decision for the same application"
    ),
}

PROBLEMS: Mapping[str, Text] = {
    "request_not_found": Text(
        Words("Không mở được trang này ở đây", "This page does not open here"),
        Words(
            "Trang xác nhận chỉ mở được trong trình duyệt mà bạn đã đăng nhập VNeID. Nếu ai đó gửi cho bạn đường dẫn"
            " này, hãy bỏ qua. Nếu là hồ sơ của bạn, hãy quay lại hệ thống nơi bạn nộp hồ sơ và đăng nhập lại.",
            "It opens only in the browser in which you logged in with VNeID. If somebody sent you this link, ignore it."
            " If it is your application, please go back to where you file it and log in again.",
        ),
    ),
    "ticket_spent": Text(
        Words("Đường dẫn này đã hết hạn", "This step has expired"),
        Words(
            "Vui lòng quay lại hệ thống nơi bạn nộp hồ sơ và bắt đầu đăng nhập lại. Chưa có dữ liệu nào của bạn được"
            " dùng.",
            "Please go back to where you file your application and log in again. None of your data has been used.",
        ),
    ),
    "dossier_closed": Text(
        Words("Hồ sơ này đã đóng", "This application has been closed"),
        Words(
            "Cơ quan đã kết thúc hồ sơ, nên không cần bạn trả lời nữa. Không có dữ liệu nào được dùng thêm.",
            "The agency has finished it, so there is nothing left to answer. No further data are used.",
        ),
    ),
    "stands_on_law": Text(
        Words("Mục này không rút lại được", "This cannot be withdrawn"),
        Words(
            "Pháp luật cho phép cơ quan dùng dữ liệu này để giải quyết hồ sơ của bạn, nên việc dùng không dựa trên sự"
            " đồng ý của bạn. Quyền này tự chấm dứt khi hồ sơ được giải quyết xong. Nếu bạn cho rằng dữ liệu bị dùng"
            " sai, hãy phản ánh với cơ quan đang giữ hồ sơ.",
            "The law itself allows the agency to use these data for your application, so there is no agreement to"
            " withdraw. The right ends by itself when the application is finished. If you think the data are used"
            " wrongly, please tell the agency that has your application.",
        ),
    ),
    "illegal_transition": Text(
        Words("Việc này đã kết thúc từ trước", "This has ended already"),
        Words(
            "Mục này không còn hiệu lực nên không cần rút lại. Hãy mở trang của bạn để xem trạng thái mới nhất.",
            "It is no longer in force, so there is nothing to withdraw. Open your page to see its present state.",
        ),
        _HER_PAGE,
    ),
    "login_needed": Text(
        Words("Bạn cần đăng nhập lại", "You need to log in again"),
        Words(
            "Phiên đăng nhập đã hết hạn. Hãy mở trang “Dữ liệu của tôi” và đăng nhập bằng VNeID.",
            "Your session is over. Open “My data” and log in with VNeID.",
        ),
        _HER_PAGE,
    ),
    "login_failed": Text(
        Words("Đăng nhập chưa thành công", "You are not logged in yet"),
        Words(
            "Việc đăng nhập bị từ chối hoặc mất quá nhiều thời gian. Hãy mở lại trang “Dữ liệu của tôi” và thử lại.",
            "The login was refused or took too long. Open “My data” and try again.",
        ),
        _HER_PAGE,
    ),
    "login_source_failed": Text(
        Words("VNeID tạm thời không trả lời", "VNeID does not answer at the moment"),
        Words(
            "Không phải lỗi của bạn, và chưa có gì bị mất. Hãy mở lại trang “Dữ liệu của tôi” và thử lại sau ít phút.",
            "It is not your fault and nothing is lost. Open “My data” and try again in a few minutes.",
        ),
        _HER_PAGE,
    ),
    "grant_not_found": Text(
        Words("Không tìm thấy mục này", "There is no such item"),
        Words(
            "Mục này không có hoặc không phải của bạn. Hãy quay lại trang “Dữ liệu của tôi”.",
            "It does not exist, or it is not yours. Go back to “My data”.",
        ),
        _HER_PAGE,
    ),
    "receipt_not_found": Text(
        Words("Không tìm thấy biên nhận này", "There is no such receipt"),
        Words(
            "Biên nhận này không có hoặc không phải của bạn. Hãy quay lại trang “Dữ liệu của tôi”.",
            "It does not exist, or it is not yours. Go back to “My data”.",
        ),
        _HER_PAGE,
    ),
}
