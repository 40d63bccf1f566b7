from crawler.crawl.spaces import Spaces, UrlPattern, place_of

HOME = "https://shop.example"


def place(path: str) -> UrlPattern | None:
    return place_of(HOME + path)


def test_a_place_leaves_numbers_and_inner_words_out() -> None:
    assert place("/calendar/2024/05") == UrlPattern("/calendar/#/#", "/0", frozenset())
    assert place("/en-gb/catalogue/blue-kettle_12/") == UrlPattern("/catalogue/#", "/a_0", frozenset())
    assert place("/shop/red/m/cotton") == UrlPattern("/shop/**", "4", frozenset())
    assert place("/list?size=m&colour=red") == UrlPattern("/list", "?colour&size", frozenset({"size", "colour"}))
    assert place("/index.php?route=product/category&path=2") == UrlPattern(
        "/index.php&route=product/category", "?path", frozenset({"path"})
    )
    assert (place("/"), place("/kettles/blue-kettle")) == (None, None)


def test_space_without_new_pages_is_given_up_but_for_trials() -> None:
    spaces = Spaces()
    for day in range(20):
        assert spaces.gives_up(f"{HOME}/calendar/{day}", following=False) is None
        spaces.note(f"{HOME}/calendar/{day}", [f"{HOME}/calendar/{day + 1}"], product=False)
    assert spaces.gives_up(HOME + "/calendar/21", following=False) == "/calendar/#"
    assert spaces.gives_up(HOME + "/calendar/21", following=True) is None  # next pages of listings have a higher limit
    assert spaces.gives_up(HOME + "/calendar/kettle-21", following=False) is None
    assert spaces.gives_up(HOME + "/kettles/21", following=False) is None
    kept = {(space, part): streak for space, part, streak in spaces.changed()}
    assert Spaces(kept).gives_up(HOME + "/calendar/21", following=False) == "/calendar/#"


def test_a_product_or_a_link_out_of_it_keeps_a_space_going() -> None:
    spaces = Spaces()
    for number in range(60):
        new = [f"{HOME}/p/{number}"] if number % 15 == 0 else []
        spaces.note(f"{HOME}/list?page={number}", new, product=False)
        spaces.note(f"{HOME}/p/{number}", [], product=number % 15 == 0)
    assert spaces.gives_up(HOME + "/list?page=99", following=False) is None
    assert spaces.gives_up(HOME + "/p/99", following=False) is None


def test_a_trial_that_brings_something_new_revives_the_space() -> None:
    spaces = Spaces()
    for number in range(25):
        spaces.note(f"{HOME}/all?colour={number}", [], product=False)
    assert spaces.gives_up(HOME + "/all?colour=x", following=False) == "/all"
    assert spaces.note(HOME + "/all?item=7", [], product=True)
    assert spaces.gives_up(HOME + "/all?colour=x", following=False) is None


def test_parameters_are_given_up_on_all_paths() -> None:
    spaces = Spaces()
    for number in range(40):
        for department in ("pans", "hoses"):
            spaces.note(f"{HOME}/{department}?session={number}", [f"{HOME}/new-{number}?session=1"], product=False)
    assert spaces.gives_up(HOME + "/pans?session=99", following=False) == "?session"
    assert spaces.gives_up(HOME + "/pans?page=2", following=False) is None
