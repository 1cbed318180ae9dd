"""`Encoder`: reused memory, views that stay valid, calls from within calls, threads."""

from __future__ import annotations

import gc
import os
import random
import threading
import weakref

import numpy as np
import pandas as pd
import pytest
from support import expected
from support.frames import BY_NAME
from support.values import cells, object_column, texts

import dolphindb_fast as ddb


def _frame(rows, seed=0):
    return pd.DataFrame(
        {
            "a": cells("float64", "nulls", rows, seed),
            "b": cells("datetime64[us]", "nulls", rows, seed),
            "c": object_column(texts("nulls", rows, seed)),
            "d": cells("int16", "plain", rows, seed),
        }
    )


def test_encode__returns_readonly_bytes():
    view = ddb.Encoder().encode(_frame(3))
    assert isinstance(view, memoryview)
    assert view.readonly and view.format == "B" and view.ndim == 1 and view.contiguous
    assert view.nbytes == len(view) == len(ddb.dumps(_frame(3)))


def test_dumps__returns_bytes_that_are_ours():
    first = ddb.dumps(_frame(3))
    copy = bytes(bytearray(first))
    ddb.dumps(_frame(3, seed=9))
    assert type(first) is bytes and first == copy


def test_encode__one_encoder_for_many_frames():
    encoder = ddb.Encoder()
    for rows in (100, 0, 1, 5000, 2, 70_000, 100):
        frame = _frame(rows, seed=rows)
        assert bytes(encoder.encode(frame)) == expected.frame(frame)
    assert bytes(encoder.encode(None)) == b"\0\0\0"
    assert bytes(encoder.encode("x")) == b"\x12\x00x\0"


def test_encode__old_views_never_dangle():
    """After the next call a view's bytes may be others, but it may never point to freed memory."""
    encoder = ddb.Encoder()
    views = []
    for step in range(60):
        frame = _frame(1 + step * step * 20, seed=step)
        views.append(encoder.encode(frame))
        assert bytes(views[-1]) == expected.frame(frame)
        # reading all that was ever handed out: a freed block would be found by the sanitizer, or crash
        assert all(sum(bytes(view[:64])) >= 0 and view[-1] >= 0 for view in views)
    del encoder
    gc.collect()
    total = sum(len(bytes(view)) for view in views)
    assert total == sum(view.nbytes for view in views)


def test_encode__view_outlives_its_encoder():
    view = ddb.Encoder().encode(_frame(1000))
    gc.collect()
    scribble = [bytes(len(view)) for _ in range(20)]
    assert bytes(view) == expected.frame(_frame(1000))
    assert len(scribble) == 20


def test_encode__released_views_do_not_matter():
    encoder = ddb.Encoder()
    for rows in (10, 10_000, 10):
        with encoder.encode(_frame(rows)) as view:
            assert bytes(view) == expected.frame(_frame(rows))


def test_encode__a_view_is_kept_alive_by_numpy():
    encoder = ddb.Encoder()
    array = np.frombuffer(encoder.encode(_frame(5000)), dtype=np.uint8)
    wanted = array.copy()
    del encoder
    gc.collect()
    assert (array == wanted).all()


def test_encode__keeps_nothing_of_the_frame():
    encoder = ddb.Encoder()
    frame = _frame(100)
    cell = type("Cell", (), {"__str__": lambda self: "cell"})()
    frame["e"] = object_column(["text", cell] * 50)
    watched = weakref.ref(cell)
    frame_ref = weakref.ref(frame)
    encoder.encode(frame)
    del frame, cell
    gc.collect()
    assert frame_ref() is None and watched() is None


class Reenters:
    """A cell of an object column that encodes something else while it is asked for its text."""

    def __init__(self, encoder, frame):
        self.encoder = encoder
        self.frame = frame
        self.seen = []

    def __str__(self):
        try:
            self.seen.append(bytes(self.encoder.encode(self.frame)))
        except ddb.UsageError as error:
            self.seen.append(error)
        return "inner"


def test_encode__called_from_within_encode():
    """Either an error or the right bytes inside; the right bytes outside in any case."""
    encoder = ddb.Encoder()
    inner = _frame(50_000, seed=3)
    cell = Reenters(encoder, inner)
    outer = pd.DataFrame({"a": np.arange(3), "b": object_column(["x", cell, "y"]), "c": np.arange(3) * 0.5})
    wanted = expected.frame(outer.assign(b=object_column(["x", "inner", "y"])))
    assert bytes(encoder.encode(outer)) == wanted
    assert len(cell.seen) >= 1
    for seen in cell.seen:
        assert isinstance(seen, ddb.UsageError) or seen == expected.frame(inner)
    assert bytes(encoder.encode(inner)) == expected.frame(inner)


def test_dumps__called_from_within_dumps():
    inner = _frame(5000, seed=4)

    class Encodes:
        def encode(self, frame):
            return ddb.dumps(frame)

    cell = Reenters(Encodes(), inner)
    outer = pd.DataFrame({"b": object_column(["x", cell, "y"]), "c": np.arange(3)})
    assert ddb.dumps(outer) == expected.frame(outer.assign(b=object_column(["x", "inner", "y"])))
    assert cell.seen == [expected.frame(inner)]


class Text(str):
    """A str whose ``str()`` says something else: its own characters are what is sent."""

    def __str__(self):
        return "never"


def test_text__of_a_subclass_is_its_own_characters():
    frame = pd.DataFrame({"a": object_column([Text("own"), "x", np.str_("numpy")])})
    assert ddb.dumps(frame) == expected.table({"a": expected.vector(18, ["own", "x", "numpy"])}, 3)


def test_error_in_a_cell__passes_through_and_leaves_the_encoder_usable():
    class Fails:
        def __str__(self):
            raise ZeroDivisionError("in a cell")

    encoder = ddb.Encoder()
    frame = pd.DataFrame({"a": object_column(["x", Fails()])})
    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match="in a cell"):
            encoder.encode(frame)
        assert bytes(encoder.encode(_frame(5))) == expected.frame(_frame(5))


def test_cell__that_changes_its_column_while_it_is_read():
    """The column shrinks or loses cells under the encoder's feet: any result or error, but no crash."""
    column = object_column(["x"] * 50)

    class Vandal:
        def __str__(self):
            column.array[:] = None
            gc.collect()
            return "done"

    column.iloc[10] = Vandal()
    frame = pd.DataFrame({"a": column}, copy=False)
    assert len(ddb.dumps(frame)) > 50
    assert bytes(ddb.Encoder().encode(_frame(5))) == expected.frame(_frame(5))


def test_threads__with_encoders_of_their_own():
    names = [n for n in BY_NAME if n.endswith("-100") and BY_NAME[n].golden][::37]
    frames = [(BY_NAME[name].build(), expected.frame(BY_NAME[name].build())) for name in names]
    faults = []
    start = threading.Barrier(6)

    def work(offset):
        encoder = ddb.Encoder()
        start.wait()
        for round_ in range(60):
            frame, wanted = frames[(offset + round_) % len(frames)]
            if bytes(encoder.encode(frame)) != wanted or ddb.dumps(frame) != wanted:
                faults.append(names[(offset + round_) % len(frames)])

    threads = [threading.Thread(target=work, args=(i * 5,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_threads__sharing_one_encoder_get_an_error_or_right_bytes():
    encoder = ddb.Encoder()
    frames = [(_frame(2000, seed), expected.frame(_frame(2000, seed))) for seed in range(4)]
    crashed = []

    def work(index):
        frame, wanted = frames[index]
        for _ in range(50):
            try:
                encoder.encode(frame)
            except ddb.UsageError:
                pass
            except BaseException as error:  # noqa: BLE001
                crashed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert crashed == []
    for frame, wanted in frames:
        assert bytes(encoder.encode(frame)) == wanted


def test_names__of_a_reused_index_object_are_not_confused():
    """Encoded names may be kept by the identity of an Index; a new one at the same address is another."""
    encoder = ddb.Encoder()
    for number in range(300):
        frame = pd.DataFrame([[1, 2]], columns=[f"a{number}", f"b{number % 7}"])
        assert bytes(encoder.encode(frame)) == expected.frame(frame)
        del frame


def test_names__follow_a_renamed_frame():
    encoder = ddb.Encoder()
    frame = pd.DataFrame({"a": [1], "b": [2]})
    index = frame.columns
    assert bytes(encoder.encode(frame)) == expected.frame(frame)
    frame.columns = ["c", "d"]
    assert bytes(encoder.encode(frame)) == expected.frame(frame)
    other = pd.DataFrame([[1.5, 2.5]], columns=index)
    assert bytes(encoder.encode(other)) == expected.frame(other)


def test_cells__changed_in_place_between_calls_are_seen():
    encoder = ddb.Encoder()
    frame = pd.DataFrame({"a": np.arange(10), "b": np.arange(10) * 0.5, "c": object_column(list("abcdefghij"))})
    for step in range(5):
        frame.loc[step, ["a", "b"]] = [100 + step, -step]
        frame.loc[step, "c"] = f"changed {step}"
        assert bytes(encoder.encode(frame)) == expected.frame(frame)


def test_random_frames__against_the_independent_encoder():
    seed = int(os.environ.get("DOLPHINDB_FAST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {seed} (set DOLPHINDB_FAST_SEED to repeat)")
    chance = random.Random(seed)
    builders = [
        name
        for name in BY_NAME
        # views can't be taken row by row
        if (name.endswith("-contiguous-100") or name.endswith("-strided-100")) and "_view-" not in name
    ]
    encoder = ddb.Encoder()
    for _ in range(60):
        parts = [BY_NAME[chance.choice(builders)].build().iloc[:100] for _ in range(chance.randint(1, 4))]
        frame = pd.concat([part.reset_index(drop=True) for part in parts], axis=1)
        frame = frame.set_axis([f"column {i}" for i in range(frame.shape[1])], axis=1)
        frame = frame.iloc[:, chance.sample(range(frame.shape[1]), frame.shape[1])]
        low = chance.randint(0, 60)
        frame = frame.iloc[low : chance.randint(low + 1, 100) : chance.choice([1, 1, 2, 3])]
        assert bytes(encoder.encode(frame)) == expected.frame(frame)
