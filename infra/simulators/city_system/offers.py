"""The procedures this city system offers."""

from dataclasses import dataclass

from shared.languages import Words


@dataclass(frozen=True)
class Offer:
    """One procedure at one agency, by the name of its example application; she logs in as the party with `role`."""

    example: str
    title: Words
    agency: str
    agency_uid: str
    client_id: str
    role: str


OFFERS = {
    offer.example: offer
    for offer in (
        Offer(
            "birth",
            Words("Đăng ký khai sinh", "Registration of a birth"),
            "UBND phường Hồng An",
            "ag-000101",
            "justice-system",
            "mother",
        ),
        Offer(
            "household-business",
            Words("Đăng ký thành lập hộ kinh doanh", "Registration of a household business"),
            "Phòng Kinh tế, Hạ tầng và Đô thị phường Ngô Quyền",
            "ag-000301",
            "business-system",
            "owner",
        ),
    )
}
