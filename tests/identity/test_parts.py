"""Two parts of a run have one digest exactly where they compute the same."""

import copy
import enum
import functools
import importlib
import json
import operator
import os
import subprocess
import sys
import threading
import types
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mixupbook.identity.parts import Unidentified, digest_of, digest_of_values
from mixupbook.identity.reads import by_library, global_reads
from mixupbook.mixup.transform import Mixup


def made(source, name="f", **names):
    """What `source` binds to `name`, as if written in a notebook where `names` are."""
    scope = {"__name__": "__main__", **names}
    exec(source, scope)
    return scope[name]


def equal(one, other):
    return digest_of(one, "one") == digest_of(other, "other")


def closing_over(value):
    return lambda x, g: x * value


class Holding:
    """Can be called, and holds what it is given."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def __call__(self, x, g):
        return x

    def method(self, x, g):
        return x


class Slotted:
    __slots__ = ("__weakref__", "alpha")

    def __init__(self, alpha):
        self.alpha = alpha


class Secretive(Holding):
    """Leaves out of a pickle what it computes with."""

    def __getstate__(self):
        return {}

    def __reduce__(self):
        return Secretive, ()


class Listed(list):
    pass


def pointing(which):
    lists = [[1], [1]]
    return Holding(a=lists, b=lists[which])


def network(**changes):
    torch.manual_seed(0)
    made = nn.Sequential(nn.Flatten(), nn.Linear(6, 6), nn.Linear(6, 6))
    for name, value in changes.items():
        setattr(made[1], name, value)
    return made


def with_hook(value, **flags):
    made = network()
    made[1].register_forward_hook(lambda module, x, y: y * value, **flags)
    return made


def with_buffer(**kind):
    made = network()
    made.register_buffer("mask", torch.ones(2), **kind)
    return made


def tied(weights):
    made = network()
    made[2].weight = made[1].weight if weights else nn.Parameter(made[1].weight.detach().clone())
    return made


def frozen(flag):
    made = network()
    made[1].weight.requires_grad_(flag)
    return made


TWICE = "def f(x): return g(x)\ndef g(x): return h(x)\ndef h(x): return x * {}"

# Each builds a part from a value; two values, two parts that compute differently.
DIFFERENT = {
    "closure": (closing_over, 0.2, 8),
    "closure within": (lambda v: lambda x: closing_over(v)(x), 1, 2),
    "integer or float": (closing_over, 2, 2.0),
    "sign of zero": (closing_over, 0.0, -0.0),
    "true or one": (closing_over, True, 1),
    "text or bytes": (closing_over, "a", b"a"),
    "list or tuple": (closing_over, [1], (1,)),
    "order of a dictionary": (closing_over, {"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "where a list ends": (closing_over, ([1], 2), ([1, 2],)),
    "function in a closure": (closing_over, operator.add, operator.sub),
    "default": (lambda v: made(f"def f(x, k={v}): return x * k"), 1, 2),
    "keyword default": (lambda v: made(f"def f(x, *, k={v}): return x * k"), 1, 2),
    "constant": (lambda v: made(f"def f(x): return x * {v}"), 1.5, 2.5),
    "constant set": (lambda v: made(f"def f(x): return x in {v}"), {1, 2}, {1, 3}),
    "operation": (lambda v: made(f"def f(x): return x {v} 2"), "+", "-"),
    "attribute read": (lambda v: made(f"def f(x): return x.{v}"), "sin", "cos"),
    "keyword passed": (lambda v: made(f"def f(x): return g(x, {v}=1)", g=max), "a", "b"),
    "name of an argument": (lambda v: made(f"def f(x, {v}): return x"), "a", "b"),
    "handler": (lambda v: made(f"def f(x):\n try: x()\n except {v}: pass"), "KeyError", "OSError"),
    "nested function": (lambda v: made(f"def f(x): return (lambda: {v})()"), 1, 2),
    "global": (lambda v: made("def f(x): return x * SCALE", SCALE=v), 1, 2),
    "global within": (lambda v: made("def f(x): return [SCALE for _ in x]", SCALE=v), 1, 2),
    "global there or not": (lambda v: made("def f(x): return SCALE", **v), {}, {"SCALE": None}),
    "helper of a helper": (lambda v: made(TWICE.format(v)), 1, 2),
    "function attribute": (lambda v: made(f"def f(x): return f.k\nf.k = {v}"), 1, 2),
    "C function": (lambda v: v, torch.sin, torch.cos),
    "C method": (lambda v: v, [1].append, [1].extend),
    "C method's owner": (lambda v: v.append, [1], [2]),
    "ufunc": (closing_over, np.sin, np.cos),
    "partial": (lambda v: functools.partial(max, v), 1, 2),
    "partial keyword": (lambda v: functools.partial(max, key=v), 1, 2),
    "partial of a partial": (
        lambda v: functools.partial(functools.partial(closing_over(v), 1), 2),
        1,
        2,
    ),
    "bound method": (lambda v: Holding(a=v).method, 1, 2),
    "attribute": (lambda v: Holding(a=v), 0.2, 8),
    "name of an attribute": (lambda v: Holding(**{v: 1}), "a", "b"),
    "slot": (Slotted, 1, 2),
    "hidden from a pickle": (lambda v: Secretive(a=v), 1, 2),
    "tensor": (lambda v: Holding(a=torch.tensor(v)), [1.0, 2.0], [1.0, 3.0]),
    "tensor dtype": (lambda v: Holding(a=torch.zeros(2, dtype=v)), torch.float32, torch.int32),
    "tensor shape": (lambda v: Holding(a=torch.zeros(v)), (2, 3), (3, 2)),
    "conjugate": (lambda v: Holding(a=v), torch.tensor([1j]), torch.tensor([1j]).conj()),
    "array": (lambda v: Holding(a=np.array(v)), [1, 2], [1, 3]),
    "array shape": (lambda v: Holding(a=np.zeros(v)), (2, 3), (3, 2)),
    "array of objects": (lambda v: Holding(a=np.array([v], object)), "a", "b"),
    "array of records": (lambda v: Holding(a=np.array([(1, v)], "i1,f8")), 1.0, 2.0),
    "nested": (lambda v: Holding(a={"x": [({"y": v},)]}), 1, 2),
    "set": (lambda v: Holding(a=v), {"a", "b"}, {"a", "c"}),
    "set or frozenset": (lambda v: Holding(a=v), {1}, frozenset({1})),
    "dictionary proxy": (lambda v: Holding(a=types.MappingProxyType({"a": v})), 1, 2),
    "list of its own": (lambda v: Holding(a=Listed([v])), 1, 2),
    "long double": (closing_over, np.longdouble(1), np.longdouble(2)),
    "one object or two": (lambda v: Holding(a=v[0], b=v[1]), [[1]] * 2, [[1], [1]]),
    "which of two objects": (lambda v: pointing(v), 0, 1),
    "generator state": (closing_over, *(torch.Generator().manual_seed(k) for k in (1, 2))),
    "method of a class": (
        lambda v: made(f"class C:\n def __call__(self, x): return x * {v}\nf = C()"),
        1,
        2,
    ),
    "class attribute": (lambda v: made(f"class C:\n scale = {v}\nf = C()"), 1, 2),
    "base class": (lambda v: made(f"class A:\n s = {v}\nclass B(A):\n pass\nf = B()"), 1, 2),
    "property": (lambda v: made(f"class C:\n @property\n def s(self): return {v}\nf = C()"), 1, 2),
    "static method": (
        lambda v: made(f"class C:\n @staticmethod\n def s(): return {v}\nf = C()"),
        1,
        2,
    ),
    "cached property": (
        lambda v: made(
            f"class C:\n @cached_property\n def s(self): return {v}\nf = C()",
            cached_property=functools.cached_property,
        ),
        1,
        2,
    ),
    "cached function": (
        lambda v: made(f"@cache\ndef f(x): return {v}", cache=functools.lru_cache),
        1,
        2,
    ),
    "class itself": (lambda v: made(f"class f:\n scale = {v}"), 1, 2),
    "metaclass": (lambda v: made(f"class M(type):\n s = {v}\nclass f(metaclass=M): pass"), 1, 2),
    "member of an enumeration": (lambda v: closing_over(Mode(v)), 1, 2),
    "method of an enumeration": (
        lambda v: made(f"class f(E):\n A = 1\n def g(self): return {v}", E=enum.Enum),
        1,
        2,
    ),
    "attribute of a module": (lambda v: network(scale=v), 1, 2),
    "setting of a layer": (lambda v: nn.Sequential(nn.Dropout(v), nn.Linear(6, 6)), 0.1, 0.2),
    "kind of layer": (lambda v: nn.Sequential(v(), nn.Linear(6, 6)), nn.ReLU, nn.Tanh),
    "order of layers": (
        lambda v: nn.Sequential(*v),
        *[[nn.ReLU(), nn.Tanh()][::k] for k in (1, -1)],
    ),
    "forward of an instance": (lambda v: network(forward=closing_over(v)), 1, 2),
    "hook": (with_hook, 1, 2),
    "flag of a hook": (lambda v: with_hook(1, always_call=v), True, False),
    "attribute of a name like torch's": (lambda v: network(_my_hooks_scale=v), 1, 2),
    "list of hooks of its own": (lambda v: network(my_hooks=[v]), 1, 2),
    "traced graph": (
        lambda v: torch.fx.symbolic_trace(nn.Sequential(nn.Linear(6, 6), v())),
        nn.ReLU,
        nn.Tanh,
    ),
    "weak reference": (lambda v: Holding(b=weakref.ref(v), a=v), Slotted(1), Slotted(2)),
    "tied weights": (tied, True, False),
    "frozen weights": (frozen, True, False),
    "persistent buffer": (lambda v: with_buffer(persistent=v), True, False),
    "module in a closure": (lambda v: closing_over(seeded(v)), 1, 2),
    "Mixup": (lambda v: Mixup(v, num_classes=3), 0.2, 8),
    "label map": (lambda v: Mixup(num_classes=3, label_map=lambda lam: lam**v), 1, 2),
    "Mixup's own class": (
        lambda v: made(f"class f(Mixup):\n s = {v}", Mixup=Mixup)(num_classes=3),
        1,
        2,
    ),
}


class Mode(enum.Enum):
    ONE = 1
    TWO = 2


def seeded(seed):
    torch.manual_seed(seed)
    return nn.Linear(2, 2)


@pytest.mark.parametrize("kind", DIFFERENT)
def test_told_apart(kind):
    build, one, other = DIFFERENT[kind]
    assert not equal(build(one), build(other))


@pytest.mark.parametrize("kind", [kind for kind in DIFFERENT if "generator" not in kind])
def test_the_same_again(kind):
    build, one, _ = DIFFERENT[kind]
    assert equal(build(one), build(copy.deepcopy(one)))


SAME = {
    "name, place and argument defaults": (
        made("\n\n\ndef g(x): return x * 2", "g"),
        made("def f(x): return x * 2"),
    ),
    "NumPy numbers": (closing_over(0.1), closing_over(np.float64(0.1))),
    "NumPy integers": (closing_over(3), closing_over(np.int16(3))),
    "NumPy truth": (closing_over(True), closing_over(np.True_)),
    "NumPy text": (closing_over("a"), closing_over(np.str_("a"))),
    "order of a set": (closing_over({1, "a", (2,)}), closing_over({(2,), "a", 1})),
    "order of attributes": (Holding(a=1, b=2), Holding(b=2, a=1)),
    "training mode": (network().train(), network().eval()),
    "weights, told apart elsewhere": (seeded(1), seeded(2)),
    "a global that is not read": (made("def f(x): return x.k", k=1), made("def f(x): return x.k")),
    "strides": (Holding(a=torch.ones(3, 2).T), Holding(a=torch.ones(2, 3))),
    "order of an array": (Holding(a=np.ones((2, 3))), Holding(a=np.ones((2, 3), order="F"))),
    "equal numbers, one object": (Holding(a=[1e9, 1e9]), Holding(a=[float("1e9"), float("1e9")])),
}


@pytest.mark.parametrize("kind", SAME)
def test_taken_for_the_same(kind):
    assert equal(*SAME[kind])


def test_many_hooks_before_do_not_matter():
    first = with_hook(1)
    for _ in range(3):
        nn.ReLU().register_forward_hook(print)
    assert equal(first, with_hook(1))
    lazy = [nn.Sequential(nn.Flatten(), nn.LazyLinear(10)) for _ in range(2)]
    assert equal(*lazy)
    held = network(handle=nn.ReLU().register_forward_hook(print))
    assert equal(held, network(handle=nn.ReLU().register_forward_hook(print)))


def test_the_same_in_every_process():
    script = Path(__file__).with_name("parts_to_identify.py")
    runs = [
        subprocess.Popen(
            [sys.executable, script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
        )
        for seed in ("1", "2", "77")
    ]
    digests = [json.loads(run.communicate(timeout=120)[0]) for run in runs]
    assert digests[0] == digests[1] == digests[2]
    assert len(set(digests[0].values())) == len(digests[0]) == 5


class TestOwnModules:
    @pytest.fixture
    def helpers(self, tmp_path, monkeypatch):
        """A function that writes the module `helpers` and what uses it, and imports both anew."""
        monkeypatch.syspath_prepend(tmp_path)

        def write(use, helper):
            for name, source in (("user_of_helpers", use), ("helpers_of_user", helper)):
                (tmp_path / f"{name}.py").write_text(source)
                monkeypatch.delitem(sys.modules, name, raising=False)
            importlib.invalidate_caches()
            sys.dont_write_bytecode = True
            return importlib.import_module("user_of_helpers").f

        before = sys.dont_write_bytecode
        yield write
        sys.dont_write_bytecode = before

    USE = "import helpers_of_user as h\ndef f(x): return h.scale(x)"
    HELPER = "K = {}\nimport threading\nlock = threading.Lock()\ndef scale(x): return x * K"

    def test_code_in_another_file_is_read(self, helpers):
        one, again, other = (helpers(self.USE, self.HELPER.format(k)) for k in (1, 1, 2))
        assert equal(one, again)
        assert not equal(one, other)

    def test_names_imported_from_it_too(self, helpers):
        use = "from helpers_of_user import scale\ndef f(x): return scale(x)"
        one, other = (helpers(use, self.HELPER.format(k)) for k in (1, 2))
        assert not equal(one, other)

    def test_a_name_that_is_not_there_yet(self, helpers):
        digest_of(helpers(self.USE, ""), "f")

    def test_it_is_not_taken_for_a_library(self, helpers):
        use = helpers(self.USE, self.HELPER.format(1))
        assert not by_library(use)
        assert not by_library(sys.modules["helpers_of_user"])

    @pytest.mark.parametrize(
        ("use", "what"),
        [
            ("import helpers_of_user as h\ndef f(x): return h", "the module 'helpers_of_user' as"),
            ("def f(x):\n import helpers_of_user\n return x", "an import inside a function"),
            ("def f(x):\n from . import helpers\n return x", "an import inside a function"),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, helpers, use, what):
        with pytest.raises(Unidentified, match=what):
            digest_of(helpers(use, "K = 1"), "mixup")


class TestLibraries:
    @pytest.mark.parametrize(
        "value", [len, torch, torch.nn, np.sum, nn.Linear, nn.Linear.forward, Mixup, json.dumps]
    )
    def test_are_known_by_their_names(self, value):
        assert by_library(value)

    def test_not_what_a_user_puts_there(self, monkeypatch):
        mine = made("def f(x): return x")
        assert not by_library(mine)
        mine.__module__, mine.__qualname__ = "torch", "sin"
        assert not by_library(mine)
        assert not by_library(made("lambda_ = lambda: 1", "lambda_"))
        assert not by_library(types.ModuleType("helpers_by_hand"))
        assert not by_library(types.ModuleType("__main__"))

    def test_imports_of_them_inside_a_function_are_fine(self):
        source = "def f(x):\n import numpy as np, torch.nn as n\n return np.sum(x)"
        digest_of(made(source), "f")


def test_global_reads():
    source = "def f(x):\n def g(): return b + len(x.c)\n return np.sum(x, a) + g() + nowhere + a"
    reads = {read.name: read for read in global_reads(made(source, a=1, b=2, c=3, np=np))}
    assert list(reads) == ["a", "b", "len", "nowhere", "np"]
    assert (reads["a"].value, reads["b"].value, reads["len"].value) == (1, 2, len)
    assert reads["np"].value is np


class Reducing:
    def __iter__(self):
        return self

    def __next__(self):
        return 1


OPAQUE = {
    "generator": (lambda: closing_over(k for k in "a"), "value.* is an iterator, generator"),
    "iterator": (lambda: Holding(a=iter([1])), r"part\.a is an iterator, list_iterator"),
    "lock": (lambda: Holding(a=[1, threading.Lock()]), r"part\.a\[1\] is a lock"),
    "file": (lambda: closing_over(sys.__stdout__), "is an iterator, TextIOWrapper"),
    "eval": (lambda: made("def f(x): return eval('K')"), r"eval \(used by part\) is a way to wh"),
    "import of a module": (
        lambda: made("def f(x): return importlib.import_module('K')", importlib=importlib),
        r"importlib \(used by part\) is a way to what its code does not show",
    ),
    "environment": (
        lambda: made("def f(x): return os.environ['K']", os=os),
        r"os \(used by part\) is a way to what its code does not show",
    ),
    "environment's own name": (
        lambda: made("def f(x): return environ.get('K')", environ=os.environ),
        r"environ \(used by part\) is a way to what its code does not show",
    ),
    "table of modules": (
        lambda: made("def f(x): return sys.modules['K'].f(x)", sys=sys),
        r"sys \(used by part\) is a way to what its code does not show",
    ),
    "globals": (lambda: made("def f(x): return globals()"), r"globals \(used by part\)"),
    "exec": (lambda: made("def f(x): exec('K')"), r"exec \(used by part\)"),
    "import": (lambda: made("def f(x): __import__('K')"), r"__import__ \(used by part\)"),
    "helper's state": (
        lambda: made("def f(x): return g(x)\ndef g(x): return LOCK", LOCK=threading.Lock()),
        r"LOCK \(used by g \(used by part\)\) is a lock",
    ),
    "sparse tensor": (lambda: Holding(a=torch.eye(2).to_sparse()), "a tensor without plain val"),
    "meta tensor": (lambda: Holding(a=torch.ones(2, device="meta")), "a tensor without plain v"),
    "TorchScript": (lambda: closing_over(scripted()), "a TorchScript module"),
    "ufunc of Python": (lambda: closing_over(np.frompyfunc(abs, 1, 1)), "is a ufunc"),
}


def scripted():
    class Script(torch.jit.ScriptModule):
        pass

    return Script.__new__(Script)


@pytest.mark.parametrize("kind", OPAQUE)
def test_refused(kind):
    build, message = OPAQUE[kind]
    with pytest.raises(Unidentified, match=message) as caught:
        digest_of(build(), "part")
    assert str(caught.value).endswith(
        ": another one could not be told from it; use functions and plain attributes"
    )
    assert digest_of(build(), "part", vouched=True) == digest_of(build(), "part", vouched=True)


def test_what_is_not_vouched_for_is_compared_still():
    one, other = (Holding(a=threading.Lock(), b=k) for k in (1, 2))
    assert digest_of(one, "p", vouched=True) != digest_of(other, "p", vouched=True)


def test_nested_too_deeply():
    value = ()
    for _ in range(10_000):
        value = (value,)
    with pytest.raises(Unidentified, match="mixup is nested too deeply to be told from others"):
        digest_of(closing_over(value), "mixup")


def test_an_own_iterator_is_read_by_its_attributes():
    assert equal(Reducing(), Reducing())


def test_values_of_tensors():
    x = torch.zeros(2, 3)
    variants = [{"x": x}, {"y": x}, {"x": x.half()}, {"x": x.T}, {"x": x + 1}, {"x": x, "y": x}]
    assert len({digest_of_values(variant.items()) for variant in variants}) == 6
    assert digest_of_values({"x": x.bfloat16()}.items()) == digest_of_values(
        {"x": x.clone().bfloat16()}.items()
    )
    lazy = nn.LazyLinear(3)
    assert digest_of_values(lazy.named_parameters()) == digest_of_values(lazy.named_parameters())


numbers = st.one_of(
    st.booleans(),
    st.integers(-100, 100),
    st.floats(allow_nan=False, width=32),
    st.sampled_from([np.int8, np.int64, np.uint16]).flatmap(
        lambda kind: st.integers(0, 100).map(kind)
    ),
    st.sampled_from([np.float32, np.float64]).flatmap(
        lambda kind: st.floats(allow_nan=False, width=32).map(kind)
    ),
    st.booleans().map(np.bool_),
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(numbers, numbers)
def test_numbers_are_told_apart_by_kind_and_value(one, other):
    def key(number):
        plain = number.item() if isinstance(number, np.generic) else number
        return type(plain), plain, str(plain)  # the text tells -0.0 from 0.0

    assert equal(closing_over(one), closing_over(other)) == (key(one) == key(other))
