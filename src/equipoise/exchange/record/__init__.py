"""Records of trials: a registry page, ClinicalTrials.gov JSON, USDM JSON, read into one shape."""
