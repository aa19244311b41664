"""Values computed from an object: kept for as long as the object lives, and no longer."""

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class IdentityRef(weakref.ref[object]):
    """A weak reference that equals another one only while both refer to the same living object.

    Arrays have no hash; and the id of an object that is gone may be that of a new one.
    """

    __slots__ = ("_hash",)

    _hash: int

    def __new__(
        cls, owner: object, forget: Callable[[weakref.ref[object]], None] | None = None
    ) -> "IdentityRef":
        """forget: called when the object is gone."""
        self = super().__new__(cls, owner, forget)
        self._hash = id(owner)
        return self

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        owner = self()
        return owner is not None and isinstance(other, IdentityRef) and other() is owner

    def __ne__(self, other: object) -> bool:
        return not self == other  # a plain reference would compare the objects


class Memo(Generic[Value]):
    """One value for each object: made when it is first asked for, forgotten with the object."""

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._values: dict[weakref.ref[object], Value] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, owner: object) -> Value:
        known = self._values.get(IdentityRef(owner))
        if known is None:
            known = self._values[IdentityRef(owner, self._forget)] = self._make()
        return known

    def _forget(self, reference: weakref.ref[object]) -> None:
        self._values.pop(reference, None)
