"""`inspect` says what is in a corpus, in text and as one page that needs nothing else."""

import re

import pytest
from seed_iv_folder import write

from offline.__main__ import main
from offline.corpus.build import build
from offline.corpus.corpus import open_corpus
from offline.corpus.inspect.facts import clips, describe, people
from offline.datasets import load


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = write(tmp_path_factory.mktemp("root"), subjects=(2, 10), sessions=(1,))
    out = tmp_path_factory.mktemp("built") / "corpus"
    build(load("seed-iv", root), "noise", out, root=root)
    return open_corpus(out)


def test_people_and_clips_are_counted_and_sorted(corpus):
    found = people(corpus)
    assert [(p.subject, p.sessions, p.trials, p.channels) for p in found] == [
        ("2", ("1",), 24, (62,)),
        ("10", ("1",), 24, (62,)),
    ]
    assert sum(found[0].windows) == corpus.shards[0].about.n_windows
    seen = clips(corpus)
    assert len(seen) == 24
    assert {clip.people for clip in seen} == {2}
    assert seen[0].name == "seed-iv/1/4"
    assert sum(clip.windows for clip in seen) == sum(len(shard.labelled) for shard in corpus)


def test_the_text_names_sources_and_what_was_left_out(corpus):
    text = describe(corpus)
    assert re.search(r"eye features +as released", text)
    assert "4 times something was left out" in text
    assert "no EEG file for it" in text
    assert re.search(r"10 +1 +24 ", text)


def test_the_page_shows_all_plots_flags_released_features_and_is_never_overwritten(corpus, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["inspect", str(corpus.path), "--html", str(page)]) == 0
    content = page.read_text()
    titles = re.findall(r"<h2>(.*?)</h2>", content)
    assert titles == [
        "People",
        "Clips",
        "Windows and coverage",
        "EEG features before and after normalisation",
        "Spectra by label",
        "Eye features before and after normalisation",
        "Left out",
        "Notes",
    ]
    assert content.count("data:image/png;base64,") == 4  # no topographies: white noise is no usable EEG
    assert not re.search("https?:", re.sub(r"base64,[^\"]+", "", content))
    assert "The eye features are as their authors released them" in content
    assert main(["inspect", str(corpus.path), "--html", str(page)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_all_reasons_and_clips_are_shown_on_demand(corpus, capsys):
    assert main(["inspect", str(corpus.path)]) == 0
    few = capsys.readouterr().out
    assert main(["inspect", "--all", str(corpus.path)]) == 0
    everything = capsys.readouterr().out
    assert "more: see inspect --all" not in everything
    reasons = [*corpus.description["omissions"], *(why for shard in corpus for why in shard.about.dropped)]
    assert all(f"  {reason}" in everything for reason in reasons)
    assert all(note in everything for shard in corpus for note in shard.about.notes)
    assert len(few) <= len(everything)
    shown = describe(corpus, 1)
    assert "... and 22 more: see inspect --all" in shown
    assert "more reasons: see inspect --all" in shown
