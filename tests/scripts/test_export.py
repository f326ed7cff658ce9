"""`gatefold export`: tar files of the rows that are meant."""

import tarfile

from data.synthetic import write_world


def test_rows_that_are_meant_become_tar_files(gatefold, tmp_path):
    dataset = write_world(tmp_path / "d", 5, 0, audio=False)
    genre = dataset.row(0)["genres"][0]
    count = sum(row["genres"] == [genre] for row in dataset.iter_rows(["genres"]))
    done = gatefold("export", dataset.folder, tmp_path / "out", "--where", f"genres={genre}", "--where", "square=yes")
    assert done.code == 0, done.err
    members = []
    for path in done.out.splitlines():
        with tarfile.open(path) as tar:
            members += tar.getnames()
    assert sorted(name.split(".")[1] for name in members) == ["json"] * count + ["png"] * count
    again = gatefold("export", dataset.folder, tmp_path / "out")
    assert (again.code, again.out) == (2, "")
    assert "is there already" in again.err


def test_an_unknown_form_is_one_line(gatefold, tmp_path):
    done = gatefold("export", tmp_path, tmp_path / "out", "--to", "tfrecord")
    assert (done.code, done.out) == (2, "")
    assert "known: webdataset" in done.err
