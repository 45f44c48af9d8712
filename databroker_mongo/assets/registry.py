"""The handlers of specs and MIME types: registered by hand, pinned, or of installed distributions, in this order.

Which distributions there are belongs to ``discovery``, importing a class to ``loading``; making handlers and keeping
them open belongs to ``pool``.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Final

from ..errors import (
    ConfigurationError,
    DuplicateHandler,
    HandlerClashWarning,
    HandlerUnavailable,
    UnknownSpec,
    stacklevel_of_caller,
)
from .discovery import Offer, entry_names, find_offers, normalize
from .known_distributions import OWN_DISTRIBUTION, PROVIDERS, UNREGISTERED
from .loading import HandlerClass, class_path, level, load, tells_links

BY_HAND: Final = "registered by hand"
PINNED: Final = "pinned"


@dataclass(frozen=True)
class Provenance:
    """The handler that serves a spec, and why.

    Attributes
    ----------
    spec : str
        The spec, or the entry-point name of the MIME type.
    class_path : str
        ``"module:Class"``.
    distribution, version : str or None
        Of the installed distribution; None for a handler that comes from elsewhere.
    level : int or None
        0, 1 or 2, as in ``handler``; None if the class cannot be loaded.
    source : str
        `BY_HAND`, `PINNED`, or the entry-point group.
    shadowed : tuple of Offer
        Other handlers that could serve it, the next one first.
    clashes : tuple of Offer
        Those of them that it precedes only by the name of its distribution.
    error : str or None
        Why the class cannot be loaded.
    """

    spec: str
    class_path: str
    distribution: str | None
    version: str | None
    level: int | None
    source: str
    shadowed: tuple[Offer, ...] = ()
    clashes: tuple[Offer, ...] = ()
    error: str | None = None


_NOTHING_INSTALLED: Final[Mapping[str, tuple[Offer, ...]]] = {}


@dataclass(frozen=True)
class _Served:
    """The classes that were found to serve specs, for as long as what is installed is the same."""

    installed: Mapping[str, tuple[Offer, ...]]
    by_spec: dict[str, HandlerClass] = field(default_factory=dict)


class HandlerRegistry(Mapping[str, HandlerClass]):
    """The handler classes of one catalog, by spec or MIME type; each is imported when it is first needed.

    Its pickle holds only the pins and the handlers registered by hand; entry points are found again where it is
    unpickled.

    Parameters
    ----------
    handlers : mapping of str to class or str, optional
        Registered by hand: classes, ``"module:Class"`` or ``"module.Class"``.
    pins : mapping of str to str, optional
        The choices in the settings: the distribution that serves a spec, or ``"module:Class"``.
    allowed_modules : sequence of str, optional
        The modules, with their submodules, from which a pin may import classes that no installed distribution
        registers; None for any.
    discover : bool
        Whether installed distributions serve specs that are neither registered nor pinned. False for the
        ``handler_registry`` of an old configuration file, given as pins: it replaces discovery.
    """

    def __init__(
        self,
        handlers: Mapping[str, HandlerClass | str] | None = None,
        *,
        pins: Mapping[str, str] | None = None,
        allowed_modules: Sequence[str] | None = (),
        discover: bool = True,
    ):
        self._by_hand = {entry_names(spec)[0]: handler for spec, handler in (handlers or {}).items()}
        self._pins = {entry_names(spec)[0]: str(pin) for spec, pin in (pins or {}).items()}
        self._allowed_modules = None if allowed_modules is None else tuple(allowed_modules)
        self._discover = discover
        self._loaded: dict[Offer, HandlerClass] = {}
        self._served = _Served(_NOTHING_INSTALLED)
        self._has_warned = False

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_loaded": {}, "_served": _Served(_NOTHING_INSTALLED)}

    def __repr__(self) -> str:
        return f"<HandlerRegistry: {len(self)} specs, {len(self._by_hand)} by hand, {len(self._pins)} pinned>"

    def __getitem__(self, spec: str) -> HandlerClass:
        """Return the handler class of a spec or MIME type.

        Raises
        ------
        UnknownSpec
            No handler serves it. ``distribution`` names a distribution that does, ``similar`` lists specs that are
            served.
        HandlerUnavailable
            It is registered, but cannot be imported; or it is pinned to a handler that is missing, or may not be
            imported.
        """
        installed, served = self._installed(), self._served
        if served.installed is not installed:
            served = self._served = _Served(installed)
        if spec not in served.by_spec:
            served.by_spec[spec] = self._find(spec)
        return served.by_spec[spec]

    def __contains__(self, spec: object) -> bool:
        return isinstance(spec, str) and any(name in self._names() for name in entry_names(spec))

    def get(self, spec: str, default: Any = None) -> Any:
        """Return the handler class of a spec, or a default if no handler serves it."""
        try:
            return self[spec]
        except UnknownSpec:
            return default

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names()))

    def __len__(self) -> int:
        return len(self._names())

    @property
    def registered(self) -> dict[str, HandlerClass | str]:
        """The handlers registered by hand, by spec."""
        return dict(self._by_hand)

    def register(self, spec: str, handler: HandlerClass | str, overwrite: bool = False) -> None:
        """Use this class for a spec or MIME type, whatever is installed or pinned.

        Parameters
        ----------
        spec : str
            The spec or MIME type.
        handler : class or str
            The class, or where it is: ``"module:Class"``.
        overwrite : bool
            Whether it may replace another class registered by hand.

        Raises
        ------
        ConfigurationError
            It is neither.
        DuplicateHandler
            Another class is registered by hand already.
        """
        if not (callable(handler) or isinstance(handler, str)):
            raise ConfigurationError(
                f"A handler for {spec} is a class, or the place of one as in 'my_package.handlers:MyHandler', not "
                f"{handler!r}.",
                spec=spec,
            )
        name = entry_names(spec)[0]
        known = self._by_hand.get(name, handler)
        if known != handler and not overwrite:
            raise DuplicateHandler(
                f"{class_path(known)} is registered by hand for {spec}: pass overwrite=True to replace it", spec=spec
            )
        self._by_hand[name] = handler
        self._served = _Served(_NOTHING_INSTALLED)

    def deregister(self, spec: str) -> HandlerClass | str:
        """Remove the handler registered by hand, and return it.

        Raises
        ------
        UnknownSpec
            Nothing was registered by hand for this spec.
        """
        try:
            removed = self._by_hand.pop(entry_names(spec)[0])
        except KeyError:
            raise UnknownSpec(
                f"nothing is registered by hand for {spec}; what an installed distribution serves can be replaced "
                "(register) but not removed",
                spec=spec,
            ) from None
        self._served = _Served(_NOTHING_INSTALLED)
        return removed

    def provenance(self, spec: str) -> Provenance:
        """Report which handler serves a spec or MIME type; the class is imported to find its level.

        Raises
        ------
        UnknownSpec
            Nobody serves it.
        """
        name = self._served_name(spec)
        try:
            first, *others = self._candidates(name)
        except HandlerUnavailable as error:
            installed = self._installed().get(name, ())
            return Provenance(name, self._pins[name], None, None, None, PINNED, installed, error=error.message)
        try:
            found, reason = level(self._load(first)), None
        except HandlerUnavailable as error:
            found, reason = None, error.message
        return Provenance(
            spec=name,
            class_path=first.target,
            distribution=first.distribution,
            version=first.version,
            level=found,
            source=first.source,
            shadowed=tuple(others),
            clashes=tuple(self._clashes(name)[1:]),
            error=reason,
        )

    def silent(self) -> list[Offer]:
        """Return which handlers of other distributions do not tell what files their files refer to.

        HDF5 follows the links in a file wherever they lead, if nobody has looked at them before.
        """
        found = []
        for name in self:
            with contextlib.suppress(HandlerUnavailable):  # which reads nothing
                offer = self._candidates(name)[0]
                if offer.distribution != OWN_DISTRIBUTION and not tells_links(self._load(offer)):
                    found.append(offer)
        return found

    def _find(self, spec: str) -> HandlerClass:
        name = self._served_name(spec)
        self._warn_of_clashes(name)
        return self._load(self._candidates(name)[0])

    def _installed(self) -> Mapping[str, tuple[Offer, ...]]:
        return find_offers() if self._discover else _NOTHING_INSTALLED

    def _names(self) -> set[str]:
        return {*self._by_hand, *self._pins, *self._installed()}

    def _served_name(self, spec: str) -> str:
        names = self._names()
        for name in entry_names(spec):
            if name in names:
                return name
        raise _unknown(spec, names)

    def _candidates(self, name: str) -> tuple[Offer, ...]:
        """Return all who offer a name, the one that serves it first."""
        found = self._installed().get(name, ())
        if name in self._by_hand:
            return (Offer(name, class_path(self._by_hand[name]), None, None, BY_HAND), *found)
        if name not in self._pins:
            return found
        chosen = self._pinned(name, found)
        return (replace(chosen, source=PINNED), *(offer for offer in found if offer != chosen))

    def _pinned(self, name: str, found: Sequence[Offer]) -> Offer:
        pin = self._pins[name]
        for offer in found:
            if pin == offer.target or normalize(pin) == offer.distribution:
                return offer
        if ":" in pin and self._may_import(pin):
            return Offer(name, pin, None, None, PINNED)
        there = f"; these serve it: {', '.join(map(str, found))}" if found else ""
        if ":" in pin:
            advice = f"no installed distribution registers it, and the site's allowed_modules do not name it{there}"
        else:
            advice = f"that distribution is not installed, or does not serve it{there}"
        raise HandlerUnavailable(f"the settings pin {name} to {pin}, but {advice}", spec=name)

    def _may_import(self, target: str) -> bool:
        registered = {offer.target for some in find_offers().values() for offer in some}
        if self._allowed_modules is None or target in registered:
            return True
        module = target.partition(":")[0]
        # With a dot behind each, so that "a.b" allows "a.b.c" but not "a.bc".
        return any(f"{module}.".startswith(f"{allowed}.") for allowed in self._allowed_modules)

    def _load(self, offer: Offer) -> HandlerClass:
        handler = self._by_hand.get(offer.name) if offer.source == BY_HAND else None
        if handler is not None and not isinstance(handler, str):
            return handler
        if offer not in self._loaded:
            self._loaded[offer] = load(offer)
        return self._loaded[offer]

    def _warn_of_clashes(self, name: str) -> None:
        if self._has_warned or not self._clashes(name):
            return
        self._has_warned = True
        clashes = {other: self._clashes(other) for other in self._installed()}
        lines = [f"  {other}: {', '.join(map(str, some))}" for other, some in clashes.items() if some]
        warnings.warn(
            "several installed distributions serve one spec; the first of each line is used:\n"
            + "\n".join(lines)
            + "\nChoose one in the settings of the catalog or the site, for example\n"
            + f"  handlers: {{{name}: {clashes[name][0].distribution}}}",
            HandlerClashWarning,
            stacklevel=stacklevel_of_caller(),
        )

    def _clashes(self, name: str) -> list[Offer]:
        """Return the strangers between whom nothing but their names decides."""
        if name in self._by_hand or name in self._pins:
            return []
        strangers = [offer for offer in self._installed().get(name, ()) if offer.is_stranger]
        return strangers if len({offer.target for offer in strangers}) > 1 else []


def _unknown(spec: str, names: set[str]) -> UnknownSpec:
    provider = next((PROVIDERS[name] for name in entry_names(spec) if name in PROVIDERS), None)
    upper = {name.upper(): name for name in sorted(names)}
    similar = tuple(upper[name] for name in get_close_matches(spec.upper(), upper, n=3, cutoff=0.75))
    advice = ["install the distribution that serves it, or register a class for it (register_handler)"]
    if spec in UNREGISTERED:
        advice = [f"pip install {provider}, and register its class: register_handler({spec!r}, {UNREGISTERED[spec]!r})"]
    elif provider:
        advice = [f"install the distribution that serves it: pip install {provider}"]
    if similar:
        advice.append(f"similar specs are served: {', '.join(similar)}")
    return UnknownSpec(
        f"no handler is registered for {spec}; {'; '.join(advice)}",
        spec=spec,
        distribution=provider,
        similar=similar or None,
    )
