"""Small code systems whose codes an author writes as plain words, with HL7's displays."""

from __future__ import annotations

from fhirkit.convert.values import Word

_HL7 = "http://terminology.hl7.org/CodeSystem/"

INTERPRETATION_SYSTEM = _HL7 + "v3-ObservationInterpretation"
OBSERVATION_CATEGORY_SYSTEM = _HL7 + "observation-category"

ORGANIZATION_TYPE = Word(
    _HL7 + "organization-type",
    {
        "prov": "Healthcare Provider",
        "dept": "Hospital Department",
        "team": "Organizational team",
        "govt": "Government",
        "ins": "Insurance Company",
        "edu": "Educational Institute",
        "reli": "Religious Institution",
        "crs": "Clinical Research Sponsor",
        "cg": "Community Group",
        "bus": "Non-Healthcare Business or Corporation",
        "other": "Other",
    },
)
ENCOUNTER_CLASS = Word(
    _HL7 + "v3-ActCode",
    {
        "AMB": "ambulatory",
        "EMER": "emergency",
        "IMP": "inpatient encounter",
        "ACUTE": "inpatient acute",
        "NONAC": "inpatient non-acute",
        "OBSENC": "observation encounter",
        "PRENC": "pre-admission",
        "SS": "short stay",
        "HH": "home health",
        "FLD": "field",
        "VR": "virtual",
    },
)
#: Classes in which the patient goes home the same day, so that one date is start and end.
SAME_DAY_CLASSES = frozenset({"AMB", "EMER", "FLD", "HH", "VR"})
ROLE = Word(
    _HL7 + "v3-RoleCode",
    {
        "SIGOTHR": "significant other",
        "SPS": "spouse",
        "HUSB": "husband",
        "WIFE": "wife",
        "DOMPART": "domestic partner",
        "MTH": "mother",
        "FTH": "father",
        "PRN": "parent",
        "CHILD": "child",
        "DAUC": "daughter",
        "SONC": "son",
        "SIB": "sibling",
        "SIS": "sister",
        "BRO": "brother",
        "GRMTH": "grandmother",
        "GRFTH": "grandfather",
        "AUNT": "aunt",
        "UNCLE": "uncle",
        "COUSN": "cousin",
        "FAMMEMB": "family member",
        "FRND": "unrelated friend",
        "NBOR": "neighbor",
    },
)
INTERPRETATION = Word(
    INTERPRETATION_SYSTEM,
    {
        "N": "Normal",
        "L": "Low",
        "H": "High",
        "LL": "Critical low",
        "HH": "Critical high",
        "A": "Abnormal",
        "AA": "Critical abnormal",
        "POS": "Positive",
        "NEG": "Negative",
        "DET": "Detected",
        "ND": "Not detected",
        "IND": "Indeterminate",
        "S": "Susceptible",
        "I": "Intermediate",
        "R": "Resistant",
    },
)
MODALITY = Word(
    "http://dicom.nema.org/resources/ontology/DCM",
    {
        "CT": "Computed Tomography",
        "MR": "Magnetic Resonance",
        "US": "Ultrasound",
        "CR": "Computed Radiography",
        "DX": "Digital Radiography",
        "MG": "Mammography",
        "NM": "Nuclear Medicine",
        "PT": "Positron emission tomography",
        "XA": "X-Ray Angiography",
        "RF": "Radiofluoroscopy",
        "ES": "Endoscopy",
    },
)
#: DICOM modality → diagnostic service section of its report; any other is imaging in general.
SECTION_OF_MODALITY = {
    "CT": "CT", "MR": "NMR", "US": "RUS", "NM": "NMS", "PT": "NMS", "CR": "RX", "DX": "RX",
}  # fmt: skip
SECTION = Word(
    _HL7 + "v2-0074",
    {
        "LAB": "Laboratory",
        "HM": "Hematology",
        "CH": "Chemistry",
        "MB": "Microbiology",
        "IMM": "Immunology",
        "GE": "Genetics",
        "CP": "Cytopathology",
        "SP": "Surgical Pathology",
        "PAT": "Pathology (gross & histopath, not surgical)",
        "SR": "Serology",
        "TX": "Toxicology",
        "URN": "Urinalysis",
        "VR": "Virology",
        "RAD": "Radiology",
        "IMG": "Diagnostic Imaging",
        "CT": "CAT Scan",
        "NMR": "Nuclear Magnetic Resonance",
        "NMS": "Nuclear Medicine Scan",
        "RUS": "Radiology Ultrasound",
        "RX": "Radiograph",
        "CUS": "Cardiac Ultrasound",
        "CTH": "Cardiac Catheterization",
        "EC": "Electrocardiac (e.g., EKG,  EEC, Holter)",
        "EN": "Electroneuro (EEG, EMG,EP,PSG)",
        "PF": "Pulmonary Function",
        "OTH": "Other",
    },
)
OBSERVATION_CATEGORY = Word(
    OBSERVATION_CATEGORY_SYSTEM,
    {
        "social-history": "Social History",
        "vital-signs": "Vital Signs",
        "imaging": "Imaging",
        "laboratory": "Laboratory",
        "procedure": "Procedure",
        "survey": "Survey",
        "exam": "Exam",
        "therapy": "Therapy",
        "activity": "Activity",
    },
)
CONDITION_CATEGORY = Word(
    _HL7 + "condition-category",
    {"problem-list-item": "Problem List Item", "encounter-diagnosis": "Encounter Diagnosis"},
)
COURSE = Word(
    _HL7 + "medicationrequest-course-of-therapy",
    {
        "continuous": "Continuous long term therapy",
        "acute": "Short course (acute) therapy",
        "seasonal": "Seasonal",
    },
)
