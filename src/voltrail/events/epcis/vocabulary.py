"""
The words of the Core Business Vocabulary 2.0, and of the GS1 Web Vocabulary for sensors.

In JSON they stand as bare words; whoever defines words of its own writes them as URIs (CBV 2.0, section 7).
"""

from __future__ import annotations

from typing import Final

import msgspec

CBV: Final = "https://ref.gs1.org/cbv/"
GS1_VOC: Final = "https://gs1.org/voc/"
CBV_URN: Final = "urn:epcglobal:cbv:"

# The prefixes that the context of EPCIS itself declares; none may be declared otherwise.
PREFIXES: Final = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": CBV,
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": GS1_VOC,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}
CONTEXTS: Final = frozenset(
    {
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/2.0.1/epcis-context.jsonld",
        "https://gs1.github.io/EPCIS/epcis-context.jsonld",
    }
)
CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"


class Vocabulary(msgspec.Struct, frozen=True):
    """The words of one member: what they are called, their namespace with its prefix, the old URN."""

    name: str
    base: str
    urn: str
    words: frozenset[str]

    def expand(self, text: str) -> str:
        """Return a bare word, or its old URN, as the URI that hashes use; anything else as it is."""
        if text in self.words:
            return self.base + text
        if self.urn and text.startswith(self.urn):
            return self.base + text.removeprefix(self.urn)
        return text

    def word(self, text: str) -> str | None:
        """Return the bare word that a text is, in any spelling, or None."""
        plain = self.expand(text).removeprefix(self.base)
        return plain if plain in self.words else None


def _vocabulary(name: str, base: str, urn: str, words: str) -> Vocabulary:
    return Vocabulary(name, base, CBV_URN + urn if urn else "", frozenset(words.split()))


BIZ_STEP: Final = _vocabulary(
    "bizStep",
    CBV + "BizStep-",
    "bizstep:",
    "accepting arriving assembling collecting commissioning consigning creating_class_instance"
    " cycle_counting decommissioning departing destroying disassembling dispensing encoding"
    " entering_exiting holding inspecting installing killing loading other packing picking receiving"
    " removing repackaging repairing replacing reserving retail_selling sampling sensor_reporting"
    " shipping staging_outbound stock_taking stocking storing transporting"
    " unloading unpacking void_shipping",
)
DISPOSITION: Final = _vocabulary(
    "disposition",
    CBV + "Disp-",
    "disp:",
    "active available completeness_inferred completeness_verified conformant container_closed"
    " container_open damaged destroyed dispensed disposed encoded expired in_progress in_transit"
    " inactive mismatch_class mismatch_instance mismatch_quantity needs_replacement no_pedigree_match"
    " non_conformant non_sellable_other partially_dispensed"
    " recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen"
    " unavailable unknown",
)
BIZ_TRANSACTION: Final = _vocabulary(
    "bizTransaction type",
    CBV + "BTT-",
    "btt:",
    "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt",
)
SOURCE_DESTINATION: Final = _vocabulary(
    "source or destination type", CBV + "SDT-", "sdt:", "location owning_party possessing_party"
)
ERROR_REASON: Final = _vocabulary("reason", CBV + "ER-", "er:", "did_not_occur incorrect_data")
COMPONENT: Final = _vocabulary(
    "component",
    CBV + "Comp-",
    "",
    "x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting"
    " northing latitude"
    " longitude altitude",
)
MEASUREMENT: Final = _vocabulary(
    "sensor report type",
    GS1_VOC,
    "",
    "AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance"
    " AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area"
    " Capacitance Conductance Conductivity Count Density Dimensionless DoseEquivalent"
    " DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent ElectricCurrentDensity"
    " ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance Irradiance"
    " KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity MagneticFlux"
    " MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate MassPerAreaTime"
    " MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux"
    " RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume"
    " Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate"
    " VolumeFraction"
    " VolumetricFlux Wavenumber",
)
ALERT: Final = _vocabulary("exception", GS1_VOC, "", "ALARM_CONDITION ERROR_CONDITION")
ACTIONS: Final = ("ADD", "OBSERVE", "DELETE")
