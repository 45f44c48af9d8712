"""Who serves a spec, with distributions that are really there."""

from __future__ import annotations

import pickle
import warnings

import cloudpickle
import pytest

from databroker_mongo.assets import HandlerRegistry
from databroker_mongo.assets.registry import BY_HAND, PINNED
from databroker_mongo.errors import ConfigurationError, HandlerClashWarning, HandlerUnavailable, UnknownSpec


class Mine:
    """A handler that somebody wrote in a notebook."""


class Other:
    """Another one."""


def path_of(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


class TestDiscovered:
    """Handlers of installed distributions."""

    def test_a_class_is_found_by_its_spec(self, install):
        install("alpha")

        assert path_of(HandlerRegistry()["GLIM"]) == "alpha_detectors:Classic"

    def test_a_mime_type_is_found_with_and_without_parameters(self, install):
        install("alpha")
        registry = HandlerRegistry()

        assert path_of(registry["multipart/related;type=image/x-frob"]) == "alpha_detectors:Capable"
        assert path_of(registry["text/x-frob;header=absent"]) == "alpha_detectors:Describing"
        assert "multipart/related" not in registry

    def test_the_registry_is_a_mapping_of_all_specs(self, install):
        install("alpha")
        registry = HandlerRegistry({"MINE": Mine})

        assert {"FROB", "MINE", "text/x-frob"} <= set(registry)
        assert len(registry) == len(list(registry))
        assert "ALPHA_NEEDS_MORE" in registry
        assert registry.get("NO_SUCH_SPEC") is None

    def test_discovery_can_be_replaced_as_by_an_old_configuration_file(self, install):
        install("alpha", "beta")
        registry = HandlerRegistry(pins={"FROB": "beta_detectors:Frob"}, discover=False)

        assert list(registry) == ["FROB"]
        assert path_of(registry["FROB"]) == "beta_detectors:Frob"


class TestFailing:
    """Handlers that are not to be had."""

    @pytest.mark.parametrize(
        ("spec", "cause"),
        [
            ("ALPHA_NEEDS_MORE", ImportError),
            ("ALPHA_GONE", AttributeError),
            ("ALPHA_NOT_A_CLASS", TypeError),
            ("ALPHA_MALFORMED", Exception),
        ],
    )
    def test_a_broken_plugin_is_an_error_for_its_own_spec_with_its_cause(self, install, spec, cause):
        install("alpha")
        registry = HandlerRegistry()

        with pytest.raises(HandlerUnavailable, match=r"alpha-detectors 1\.2\.0") as caught:
            registry[spec]

        assert isinstance(caught.value.__cause__, cause)
        assert (caught.value.spec, caught.value.distribution) == (spec, "alpha-detectors")
        assert registry["GLIM"]

    def test_an_unknown_spec_names_the_distribution_to_install(self):
        with pytest.raises(UnknownSpec, match="pip install databroker-mongo-handlers") as caught:
            HandlerRegistry(discover=False)["AD_HDF5"]

        assert caught.value.distribution == "databroker-mongo-handlers"

    def test_an_unknown_spec_whose_class_is_published_but_not_registered_says_how_to_register_it(self):
        with pytest.raises(UnknownSpec, match="pip install sirepo-bluesky, and register") as caught:
            HandlerRegistry(discover=False)["shadow"]

        assert "register_handler('shadow', 'sirepo_bluesky.shadow_handler:ShadowFileHandler')" in str(caught.value)
        assert caught.value.distribution == "sirepo-bluesky"

    def test_an_unknown_spec_names_similar_ones(self, install):
        install("alpha")

        with pytest.raises(UnknownSpec) as caught:
            HandlerRegistry()["frobb"]

        assert caught.value.similar == ("FROB",)
        assert "FROB" in str(caught.value)

    def test_a_spec_that_nobody_knows_says_how_to_register_one(self):
        with pytest.raises(UnknownSpec, match="register_handler"):
            HandlerRegistry(discover=False)["UTTERLY_UNKNOWN"]


class TestByHand:
    """Handlers registered by hand."""

    @pytest.mark.parametrize("handler", [Mine, path_of(Mine), path_of(Mine).replace(":", ".")])
    def test_it_comes_before_pins_and_installed_ones(self, install, handler):
        install("alpha")

        assert HandlerRegistry({"FROB": handler}, pins={"FROB": "alpha-detectors"})["FROB"] is Mine

    def test_another_class_needs_overwrite(self):
        registry = HandlerRegistry()
        registry.register("FROB", Mine)
        registry.register("FROB", Mine)

        with pytest.raises(ConfigurationError, match="overwrite=True"):
            registry.register("FROB", Other)
        registry.register("FROB", Other, overwrite=True)
        assert registry["FROB"] is Other

    @pytest.mark.parametrize("handler", [3, None, {"FROB": Mine}])
    def test_what_is_no_class_nor_the_place_of_one_is_refused(self, handler):
        registry = HandlerRegistry(discover=False)

        with pytest.raises(ConfigurationError, match="A handler for FROB is a class"):
            registry.register("FROB", handler)
        assert "FROB" not in registry

    def test_after_deregistering_the_installed_one_serves_again(self, install):
        install("alpha")
        registry = HandlerRegistry({"GLIM": Mine})

        assert registry.deregister("GLIM") is Mine
        assert path_of(registry["GLIM"]) == "alpha_detectors:Classic"

    def test_only_what_was_registered_by_hand_can_be_deregistered(self, install):
        install("alpha")

        with pytest.raises(UnknownSpec, match="by hand"):
            HandlerRegistry().deregister("GLIM")

    def test_a_mime_type_is_registered_with_its_parameters(self):
        registry = HandlerRegistry({"multipart/related;type=image/tiff": Mine}, discover=False)

        assert registry["multipart/related; type=image/tiff"] is Mine
        assert list(registry) == ["multipart/related+image/tiff"]


class TestPins:
    """What the settings say."""

    @pytest.mark.parametrize("pin", ["beta-detectors", "Beta_Detectors", "beta_detectors:Glim"])
    def test_a_pin_names_a_distribution_or_a_class(self, install, pin):
        install("alpha", "beta", "ours")

        assert path_of(HandlerRegistry(pins={"GLIM": pin})["GLIM"]) == "beta_detectors:Glim"

    def test_a_pin_to_our_own_distribution_beats_a_stranger(self, install):
        install("alpha", "ours")

        assert path_of(HandlerRegistry(pins={"FROB": "databroker-mongo-handlers"})["FROB"]) == "own_detectors:Frob"

    def test_a_pin_may_name_a_class_that_a_distribution_registers_for_another_spec(self, install):
        install("beta")

        assert path_of(HandlerRegistry(pins={"NEW": "beta_detectors:Glim"})["NEW"]) == "beta_detectors:Glim"

    def test_a_pin_may_import_another_class_only_from_allowed_modules(self, install):
        install("alpha")
        pins = {"NEW": "alpha_detectors:Later"}

        with pytest.raises(HandlerUnavailable, match="allowed_modules"):
            HandlerRegistry(pins=pins)["NEW"]
        with pytest.raises(HandlerUnavailable, match="allowed_modules"):
            HandlerRegistry(pins=pins, allowed_modules=["alpha"])["NEW"]
        for allowed in (["alpha_detectors"], None):
            with pytest.raises(HandlerUnavailable, match="cannot be loaded"):
                HandlerRegistry(pins=pins, allowed_modules=allowed)["NEW"]

    def test_a_pin_to_what_is_not_installed_is_an_error_that_names_who_is(self, install):
        install("alpha")

        with pytest.raises(HandlerUnavailable, match=r"not installed.*alpha-detectors 1\.2\.0"):
            HandlerRegistry(pins={"GLIM": "gamma-detectors"})["GLIM"]


class TestClashes:
    """Two strangers, one spec."""

    def test_the_first_use_of_a_clashing_spec_warns_of_all_with_the_line_that_pins(self, install):
        install("beta", "alpha")
        registry = HandlerRegistry()

        with pytest.warns(HandlerClashWarning) as caught:
            assert path_of(registry["GLIM"]) == "alpha_detectors:Classic"
        with warnings.catch_warnings(action="error"):
            registry["FROB"]

        (warning,) = caught
        text = str(warning.message)
        assert "FROB: alpha_detectors:Classic (alpha-detectors 1.2.0), beta_detectors:Frob (beta-detectors 2.0)" in text
        assert "handlers: {GLIM: alpha-detectors}" in text
        assert "SHARED" not in text
        assert "AD_INVENTED" not in text
        assert warning.filename == __file__

    def test_pins_and_handlers_by_hand_settle_a_clash(self, install):
        install("beta", "alpha")

        with warnings.catch_warnings(action="error"):
            HandlerRegistry({"FROB": Mine}, pins={"GLIM": "beta-detectors"})["FROB"]
            HandlerRegistry({"FROB": Mine}, pins={"GLIM": "beta-detectors"})["GLIM"]

    def test_a_stranger_beside_ours_is_no_clash(self, install):
        install("beta", "ours", "superseded")

        with warnings.catch_warnings(action="error"):
            HandlerRegistry()["FROB"]
            HandlerRegistry()["AD_OLD"]


class TestProvenance:
    """Who provides what is always shown."""

    @pytest.mark.parametrize(
        ("spec", "level"), [("FROB", 0), ("text/x-frob", 1), ("multipart/related;type=image/x-frob", 2)]
    )
    def test_it_tells_class_distribution_version_and_level(self, install, spec, level):
        install("alpha")

        found = HandlerRegistry().provenance(spec)

        assert (found.distribution, found.version, found.level) == ("alpha-detectors", "1.2.0", level)
        assert found.class_path.startswith("alpha_detectors:")
        assert found.error is None

    def test_it_tells_who_is_shadowed_and_why(self, install):
        install("superseded", "ours")

        found = HandlerRegistry().provenance("AD_OLD")

        assert found.source == "databroker_mongo.handlers"
        assert [offer.target for offer in found.shadowed] == ["superseded_detectors:Frob"]
        assert "AD_HDF5_SWMR" in found.shadowed[0].superseded

    def test_it_tells_of_hand_and_pin(self, install):
        install("alpha", "beta")
        registry = HandlerRegistry({"FROB": Mine}, pins={"GLIM": "beta-detectors"})

        by_hand, pinned = registry.provenance("FROB"), registry.provenance("GLIM")

        assert (by_hand.source, by_hand.class_path, by_hand.distribution) == (BY_HAND, path_of(Mine), None)
        assert len(by_hand.shadowed) == 2
        assert (pinned.source, pinned.distribution) == (PINNED, "beta-detectors")
        assert [offer.distribution for offer in pinned.shadowed] == ["alpha-detectors"]

    def test_it_tells_over_whom_it_wins_by_name_alone(self, install):
        install("alpha", "beta", "ours")

        found = HandlerRegistry().provenance("FROB")

        assert [offer.distribution for offer in found.clashes] == ["beta-detectors"]
        assert len(found.shadowed) == 2
        assert HandlerRegistry(pins={"FROB": "beta-detectors"}).provenance("FROB").clashes == ()

    def test_it_tells_why_a_class_cannot_be_loaded(self, install):
        install("alpha")

        found = HandlerRegistry().provenance("ALPHA_NEEDS_MORE")

        assert found.level is None
        assert "a_library_that_nobody_has" in found.error

    def test_it_tells_of_a_pin_that_leads_nowhere(self, install):
        install("alpha")

        found = HandlerRegistry(pins={"GLIM": "gamma-detectors"}).provenance("GLIM")

        assert "gamma-detectors" in found.error
        assert len(found.shadowed) == 1

    def test_an_unknown_spec_has_none(self):
        with pytest.raises(UnknownSpec):
            HandlerRegistry(discover=False).provenance("UTTERLY_UNKNOWN")


def test_a_registry_travels_as_what_is_by_hand_and_the_pins(install):
    install("alpha", "beta")
    registry = HandlerRegistry({"MINE": "alpha_detectors:Capable"}, pins={"GLIM": "beta-detectors"})
    registry["GLIM"]

    blob = pickle.dumps(registry)
    copy = pickle.loads(blob)

    assert len(blob) < 1000
    assert b"Glim" not in blob
    assert path_of(copy["GLIM"]) == "beta_detectors:Glim"
    assert path_of(copy["MINE"]) == "alpha_detectors:Capable"


def test_a_class_from_a_notebook_travels_by_value():
    local = type("Local", (), {"__module__": "__main__"})
    copy = cloudpickle.loads(cloudpickle.dumps(HandlerRegistry({"LOCAL": local})))

    assert copy["LOCAL"].__name__ == "Local"


def test_what_is_registered_by_hand_later_serves_and_what_is_taken_back_does_not(install):
    install("alpha")
    registry = HandlerRegistry()
    assert path_of(registry["GLIM"]) == "alpha_detectors:Classic"

    registry.register("GLIM", "alpha_detectors:Capable")
    assert path_of(registry["GLIM"]) == "alpha_detectors:Capable"

    registry.deregister("GLIM")
    assert path_of(registry["GLIM"]) == "alpha_detectors:Classic"
