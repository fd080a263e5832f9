"""The laboratory by address: good values and nonsense, links to it, and links from it."""


def test_nonsense_in_the_address_gives_defaults_and_is_named(lab):
    lab.open("lam=abc&stop=1.5&noise=0x1&seed=&<b>=1&overlap=0.5")
    assert lab.data()["refused"] == "lam stop noise seed <b>"
    values = lab.values()
    assert {name: values[name] for name in ("lam", "stop", "noise", "seed", "overlap")} == {
        "lam": 0.7,
        "stop": "never",
        "noise": 0.15,
        "seed": 1,
        "overlap": 0.5,
    }
    words = lab.find(".refused").inner_text()
    for name in ("lam = abc", "stop = 1.5", "noise = 0x1", "seed = nothing", "<b> = 1"):
        assert f"{name} was not taken" in words
    assert lab.find(".refused b").count() == 0


def test_values_beyond_their_range_are_clamped_and_named(lab):
    lab.open("lam=7&rho=-1&steps=1e9&stop=20000")
    values = lab.values()
    assert (values["lam"], values["rho"], values["steps"], values["stop"]) == (1, 0, 20000, 20000)
    assert lab.data()["refused"] == "lam rho steps"
    assert "the most allowed is 1. Now lam = 1." in lab.find(".refused").inner_text()
    lab.open("lam=0.9")
    assert lab.data()["refused"] == ""
    assert not lab.find(".refused").is_visible()


def test_a_link_opens_the_laboratory_in_its_state(lab):
    lab.open(kind="below", attributes="seed=3")
    lab.page.click("#link")
    lab.page.wait_for_function("document.querySelector('mixup-laboratory').values.stop === 60")
    assert lab.values()["lam"] == 0.8
    assert lab.values()["seed"] == 3
    top = "document.querySelector('mixup-laboratory').getBoundingClientRect().top"
    lab.page.wait_for_function(f"{top} >= 0 && {top} < 200")
    lab.change("stop", 400)
    lab.change("seed", 9)
    lab.page.evaluate("scrollTo(0, 0)")
    lab.page.click("#link")  # the address is there already
    lab.page.wait_for_function("document.querySelector('mixup-laboratory').values.stop === 60")
    assert lab.values()["seed"] == 3


def test_an_address_elsewhere_on_the_page_is_not_its_business(lab):
    lab.open("lam=0.9")
    lab.change("seed", 5)
    lab.page.evaluate("location.hash = '#summary'")
    lab.page.wait_for_timeout(100)
    assert (lab.values()["lam"], lab.values()["seed"]) == (0.9, 5)


def test_a_found_case_is_shared_by_link(visit):
    lab = visit(permissions=["clipboard-read", "clipboard-write"])
    lab.open(attributes="seed=3/stop=150")
    lab.change("overlap", 0.5)
    lab.change("stop", 75)
    lab.button("Copy link").click()
    lab.page.wait_for_function("location.hash !== ''")
    link = lab.page.evaluate("navigator.clipboard.readText()")
    assert link.endswith("#lab?overlap=0.5&stop=75")
    assert link == lab.page.url
    assert "copied" in lab.says()
    assert lab.page.evaluate("history.length") == 2  # about:blank and the page
    lab.button("Train").click()
    first = lab.until("done").data()
    lab.button("Copy link").click()
    lab.page.wait_for_function("location.hash.endsWith('run=1')")
    lab.page.reload()
    assert lab.until("done").data() == first


def test_without_a_clipboard_the_address_bar_holds_the_link(lab):
    lab.page.add_init_script("delete Navigator.prototype.clipboard")
    lab.open()
    lab.change("seed", 4)
    lab.button("Copy link").click()
    lab.page.wait_for_function("location.hash === '#lab?seed=4'")
    assert "address bar" in lab.says()
