"""Eligibility texts in the styles that registries hold, in our own words, and how each is cut.

A criterion is its id and its text; the id says the list, and by its dots what belongs to what.
"""

TEXTS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "bullets": (
        "Inclusion Criteria:\n\n* Adults\n* Asthma\n\nExclusion Criteria:\n\n* Smoking",
        [("I1", "Adults"), ("I2", "Asthma"), ("E1", "Smoking")],
    ),
    "numbers that continue": (
        "Key Inclusion Criteria:\n\n1. Adults\n2. Asthma\n\nKey Exclusion Criteria:\n\n3. Smoking",
        [("I1", "Adults"), ("I2", "Asthma"), ("E3", "Smoking")],
    ),
    "nested by indentation": (
        "Inclusion Criteria:\n\n1. A:\n\n   1. b\n\n      1. c\n      2. d\n   2. e\n2. F\n\n"
        "   Also this.\n3. G",
        [
            ("I1", "A:"),
            ("I1.1", "b"),
            ("I1.1.1", "c"),
            ("I1.1.2", "d"),
            ("I1.2", "e"),
            ("I2", "F Also this."),
            ("I3", "G"),
        ],
    ),
    "required characteristics": (
        "DISEASE CHARACTERISTICS:\n\n* Chronic disease\n\n  * Stage II or III\n* Measurable\n\n"
        "PATIENT CHARACTERISTICS:\n\nAge:\n\n* 18 and over\n\nPerformance status:\n\n* ECOG 0-2\n\n"
        "PRIOR CONCURRENT THERAPY:\n\nChemotherapy\n\n* At least 4 weeks since the last one\n\n"
        "Surgery\n\n* Not specified",
        [
            ("I1", "Chronic disease"),
            ("I1.a", "Stage II or III"),
            ("I2", "Measurable"),
            ("I3", "Age:"),
            ("I3.a", "18 and over"),
            ("I4", "Performance status:"),
            ("I4.a", "ECOG 0-2"),
            ("I5", "Chemotherapy"),
            ("I5.a", "At least 4 weeks since the last one"),
        ],
    ),
    "letters, romans and capitals": (
        "INCLUSION CRITERIA:\nA. Age 18 years or older\nB. Asthma:\n   i. mild\n   ii. moderate\n"
        "C. One of the following:\n   1. cough\n   2. wheeze\n"
        "EXCLUSION CRITERIA\nA) Smokers\nB) E. coli infection",
        [
            ("I1", "Age 18 years or older"),
            ("I2", "Asthma:"),
            ("I2.i", "mild"),
            ("I2.ii", "moderate"),
            ("I3", "One of the following:"),
            ("I3.1", "cough"),
            ("I3.2", "wheeze"),
            ("E1", "Smokers"),
            ("E2", "E. coli infection"),
        ],
    ),
    "dashes and escapes": (
        "Inclusion Criteria:\n\n -  Age \\> 18 years\n -  Fever, at least one of:\n"
        "    -  &gt; 38 °C\n    -  two days of chills\n \n Exclusion Criteria:\n\n -  None",
        [
            ("I1", "Age > 18 years"),
            ("I2", "Fever, at least one of:"),
            ("I2.a", "> 38 °C"),
            ("I2.b", "two days of chills"),
        ],
    ),
    "dotted numbers": (
        "Inclusion criteria\n1. General\n1.1. Adults\n1.2. Asthma\n2. Specific\n2.1 Cough\n"
        "Non-inclusion criteria:\n1. Smoker",
        [
            ("I1", "General"),
            ("I1.1", "Adults"),
            ("I1.2", "Asthma"),
            ("I2", "Specific"),
            ("I2.1", "Cough"),
            ("E1", "Smoker"),
        ],
    ),
    "two lists in one line": (
        "Inclusion Criteria: 1. Age 18 or more 2. Asthma for a year 3. Can read. "
        "Exclusion Criteria: 1. Smokers 2. Heart failure",
        [
            ("I1", "Age 18 or more"),
            ("I2", "Asthma for a year"),
            ("I3", "Can read."),
            ("E1", "Smokers"),
            ("E2", "Heart failure"),
        ],
    ),
    "bullets in one line": (
        "Inclusion Criteria: • adults • asthma Exclusion Criteria: • smoker • heart failure",
        [("I1", "adults"), ("I2", "asthma"), ("E1", "smoker"), ("E2", "heart failure")],
    ),
    "semicolons": (
        "Inclusion Criteria:\n\nAge 18 or over; asthma; able to read\n\nExclusion Criteria:\n\n"
        "Smoking; heart failure; pregnancy.",
        [
            ("I1", "Age 18 or over"),
            ("I2", "asthma"),
            ("I3", "able to read"),
            ("E1", "Smoking"),
            ("E2", "heart failure"),
            ("E3", "pregnancy."),
        ],
    ),
    "a paragraph without a heading": (
        "Adults with asthma who live near the clinic. They must not smoke.",
        [("C1", "Adults with asthma who live near the clinic."), ("C2", "They must not smoke.")],
    ),
    "only exclusion": (
        "Exclusion Criteria:\n\n- Pregnancy\n- Smokers\n",
        [("E1", "Pregnancy"), ("E2", "Smokers")],
    ),
    "bullets without a heading": ("* Adults\n* Asthma", [("C1", "Adults"), ("C2", "Asthma")]),
    "cohorts": (
        "Inclusion Criteria:\n\nCohort A:\n\n* Asthma\n* Cough\n\nCohort B:\n\n* No asthma\n\n"
        "Exclusion Criteria:\n\nAll cohorts:\n\n1. Smoker\n2. Pregnant\n\nCohort B only:\n\n"
        "1. Allergy",
        [
            ("I1", "Cohort A:"),
            ("I1.a", "Asthma"),
            ("I1.b", "Cough"),
            ("I2", "Cohort B:"),
            ("I2.a", "No asthma"),
            ("E1", "All cohorts:"),
            ("E1.1", "Smoker"),
            ("E1.2", "Pregnant"),
            ("E2", "Cohort B only:"),
            ("E2.1", "Allergy"),
        ],
    ),
    "a list for patients and one for volunteers": (
        "Healthy Volunteers Inclusion Criteria:\n1. Adults\nPatients Inclusion Criteria:\n"
        "1. Asthma\n2. Adults\nExclusion Criteria:\n1. Smoker",
        [("I1", "Adults"), ("I1-2", "Asthma"), ("I2", "Adults"), ("E1", "Smoker")],
    ),
    "sentences as headings": (
        "Subjects are eligible if they meet all of the following:\n1. Adults\n2. Asthma\n"
        "Subjects will be excluded if they have any of the following:\n1. Smoking\n2. Cough",
        [("I1", "Adults"), ("I2", "Asthma"), ("E1", "Smoking"), ("E2", "Cough")],
    ),
    "sentences under headings": (
        "Inclusion Criteria:\n\nPatients must meet all of the following criteria:\n\n* Adults\n\n"
        "Exclusion Criteria:\n\nPatients with any of the following are excluded:\n\n* Smoking\n\n"
        "Other protocol defined exclusion criteria could apply.",
        [("I1", "Adults"), ("E1", "Smoking")],
    ),
    "bold": (
        "**Inclusion Criteria:**\n\n* Adults\n\n**Exclusion Criteria:**\n\n* Smoking",
        [("I1", "Adults"), ("E1", "Smoking")],
    ),
    "wrapped lines": (
        "Inclusion Criteria:\n\n- Adults of both sexes who live\n  near the clinic\n\n- Asthma\n\n"
        "     Exclusion Criteria:\n\n - Smoking",
        [
            ("I1", "Adults of both sexes who live near the clinic"),
            ("I2", "Asthma"),
            ("E1", "Smoking"),
        ],
    ),
    "paragraphs": (
        "Inclusion Criteria:\n\nAdults with asthma\n\nLiving near\nthe clinic\n\n"
        "Exclusion Criteria:\n\nSmoking",
        [("I1", "Adults with asthma"), ("I2", "Living near the clinic"), ("E1", "Smoking")],
    ),
    "a list inside a list of bullets": (
        "Inclusion Criteria:\n\n* Adults\n* Women must be one of the following:\n\n"
        "  1. postmenopausal\n  2. sterile",
        [
            ("I1", "Adults"),
            ("I2", "Women must be one of the following:"),
            ("I2.1", "postmenopausal"),
            ("I2.2", "sterile"),
        ],
    ),
    "French": (
        "Critères d'inclusion :\n- Adultes\nCritères de non-inclusion :\n- Tabac",
        [("I1", "Adultes"), ("E1", "Tabac")],
    ),
    "a heading over both": (
        "Eligibility Criteria:\n\nInclusion:\n\n1. Adults\n\nExclusion:\n\n1. Smoking",
        [("I1", "Adults"), ("E1", "Smoking")],
    ),
    "comparisons are no bullets": (
        "Inclusion Criteria:\n\n* 18 - 65 years\n* > 3 attacks a year\n* 2.5 mg a day or less",
        [("I1", "18 - 65 years"), ("I2", "> 3 attacks a year"), ("I3", "2.5 mg a day or less")],
    ),
    "nothing": ("", []),
}
