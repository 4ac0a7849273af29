"""Escaping, and tables that a screen reader can follow."""

from sentinel_pipelines.steps.report.elements import Markup, element, join, table


def test_text_is_escaped():
    assert element("p", "a < b & c") == "<p>a &lt; b &amp; c</p>"


def test_markup_is_not_escaped_again():
    assert element("p", element("em", "<")) == "<p><em>&lt;</em></p>"


def test_attributes_are_escaped():
    assert element("p", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;"></p>'


def test_attribute_names_may_hold_words_of_python_and_hyphens():
    assert element("p", class_="x", aria_label="y") == '<p class="x" aria-label="y"></p>'


def test_an_attribute_of_none_is_left_out():
    assert element("p", class_=None) == "<p></p>"


def test_an_element_may_have_an_attribute_called_name():
    assert element("meta", name="viewport") == '<meta name="viewport">'


def test_joined_text_is_escaped():
    assert join(["<", Markup("<br>")], " ") == "&lt; <br>"


def test_the_first_cell_of_a_row_names_it():
    made = table("Sizes", ["Thing", "#Size"], [["a", "1"]])
    assert '<tr><th scope="row">a</th><td class="number">1</td></tr>' in made


def test_columns_are_named_in_the_head():
    made = table("Sizes", ["Thing", "#Size"], [])
    assert '<th scope="col">Thing</th><th scope="col" class="number">Size</th>' in made


def test_a_table_has_its_caption():
    assert "<table><caption>Sizes &amp; more</caption>" in table("Sizes & more", ["Thing"], [])


def test_a_short_row_runs_to_the_end():
    made = table("Sizes", ["Thing", "#Size", "#Cost"], [["a", "not known"]])
    assert '<td colspan="2">not known</td>' in made
