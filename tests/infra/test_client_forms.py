"""The form-driving person sends what a browser without JavaScript would send, and nothing a person could not enter."""

import pytest

from infra.client.forms import Form, PageReader

PAGE = """
<p>Chọn <b>từng</b> mục</p><style>p { color: red }</style>
<form method="post" action="/answer" id="ask">
  <input type="hidden" name="request" value="r&amp;1">
  <input name="note" value="">
  <input type="checkbox" name="item" value="a"><input type="checkbox" name="item" value="b" checked>
  <input type="radio" name="way" value="x" checked><input type="radio" name="way" value="y">
  <input name="gone" value="1" disabled>
  <button name="answer" value="yes">Đồng <em>ý</em></button>
  <button type="button">Trợ giúp</button>
</form>
<button form="ask" name="answer" value="no">Từ chối</button>
<a href="/next">Trang sau</a>
"""


@pytest.fixture
def reader() -> PageReader:
    reader = PageReader()
    reader.feed(PAGE)
    return reader


@pytest.fixture
def form(reader: PageReader) -> Form:
    return reader.forms[0]


def test_buttons_are_known_by_their_words_wherever_they_stand(form: Form) -> None:
    assert [(button.text, button.value) for button in form.buttons] == [("Đồng ý", "yes"), ("Từ chối", "no")]


def test_what_is_checked_stays_so_until_somebody_says_otherwise(form: Form) -> None:
    sent = form.filled(form.buttons[0], {})
    assert sent == [("request", "r&1"), ("note", ""), ("item", "b"), ("way", "x"), ("answer", "yes")]


def test_a_list_says_which_boxes_are_ticked_all_of_them(form: Form) -> None:
    sent = form.filled(form.buttons[1], {"item": ["a"], "way": "y", "note": "xin chào"})
    assert sent == [("request", "r&1"), ("note", "xin chào"), ("item", "a"), ("way", "y"), ("answer", "no")]


@pytest.mark.parametrize("values", [{"item": ["c"]}, {"stranger": "1"}, {"gone": "2"}])
def test_nobody_can_enter_what_the_form_does_not_offer(form: Form, values: dict[str, str | list[str]]) -> None:
    with pytest.raises(ValueError, match="form"):
        form.filled(form.buttons[0], values)


def test_links_and_visible_words_are_read_and_styles_are_not(reader: PageReader) -> None:
    assert [(link.text, link.href) for link in reader.links] == [("Trang sau", "/next")]
    assert "color" not in " ".join(reader.text)
