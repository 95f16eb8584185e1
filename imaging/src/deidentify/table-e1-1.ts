/**
 * PS3.15 table E.1-1 (Application Level Confidentiality Profile Attributes), edition 2026d, whole: tag, keyword, the
 * action of the basic profile, and the action of each option that names one. docs/deidentification.md says where the
 * facts come from and against what they were checked.
 */
export const TABLE_E1_1 = `\
00001000 AffectedSOPInstanceUID X uids:K
00001001 RequestedSOPInstanceUID U uids:K
00020003 MediaStorageSOPInstanceUID U uids:K
00041511 ReferencedSOPInstanceUIDInFile U uids:K
00080012 InstanceCreationDate X/D fullDates:K modifiedDates:C
00080013 InstanceCreationTime X/Z/D fullDates:K modifiedDates:C
00080014 InstanceCreatorUID U uids:K
00080015 InstanceCoercionDateTime X fullDates:K modifiedDates:C
00080017 AcquisitionUID U uids:K
00080018 SOPInstanceUID U uids:K
00080019 PyramidUID U uids:K
00080020 StudyDate Z fullDates:K modifiedDates:C
00080021 SeriesDate X/D fullDates:K modifiedDates:C
00080022 AcquisitionDate X/Z fullDates:K modifiedDates:C
00080023 ContentDate Z/D fullDates:K modifiedDates:C
00080024 OverlayDate X fullDates:K modifiedDates:C
00080025 CurveDate X fullDates:K modifiedDates:C
0008002a AcquisitionDateTime X/Z/D fullDates:K modifiedDates:C
00080030 StudyTime Z fullDates:K modifiedDates:C
00080031 SeriesTime X/D fullDates:K modifiedDates:C
00080032 AcquisitionTime X/Z fullDates:K modifiedDates:C
00080033 ContentTime Z/D fullDates:K modifiedDates:C
00080034 OverlayTime X fullDates:K modifiedDates:C
00080035 CurveTime X fullDates:K modifiedDates:C
00080050 AccessionNumber Z
00080054 RetrieveAETitle X device:C
00080055 StationAETitle X device:C
00080058 FailedSOPInstanceUIDList U uids:K
00080080 InstitutionName X/Z/D institution:K
00080081 InstitutionAddress X institution:K
00080082 InstitutionCodeSequence X/Z/D institution:K
00080090 ReferringPhysicianName Z
00080092 ReferringPhysicianAddress X
00080094 ReferringPhysicianTelephoneNumbers X
00080096 ReferringPhysicianIdentificationSequence X
0008009c ConsultingPhysicianName Z
0008009d ConsultingPhysicianIdentificationSequence X
00080106 ContextGroupVersion D fullDates:K modifiedDates:C
00080107 ContextGroupLocalVersion D fullDates:K modifiedDates:C
00080201 TimezoneOffsetFromUTC X fullDates:K modifiedDates:C
00081000 NetworkID X device:C
00081010 StationName X/Z/D device:K
00081030 StudyDescription X descriptors:C
0008103e SeriesDescription X descriptors:C
00081040 InstitutionalDepartmentName X institution:K
00081041 InstitutionalDepartmentTypeCodeSequence X institution:K
00081048 PhysiciansOfRecord X
00081049 PhysiciansOfRecordIdentificationSequence X
00081050 PerformingPhysicianName X
00081052 PerformingPhysicianIdentificationSequence X
00081060 NameOfPhysiciansReadingStudy X
00081062 PhysiciansReadingStudyIdentificationSequence X
00081070 OperatorsName X/Z/D
00081072 OperatorIdentificationSequence X/D
00081080 AdmittingDiagnosesDescription X descriptors:C
00081084 AdmittingDiagnosesCodeSequence X descriptors:C
00081088 PyramidDescription X descriptors:C
00081110 ReferencedStudySequence X/Z uids:K
00081111 ReferencedPerformedProcedureStepSequence X/Z/D uids:K
00081120 ReferencedPatientSequence X uids:K
00081140 ReferencedImageSequence X/Z/U* uids:K
00081155 ReferencedSOPInstanceUID U uids:K
00081195 TransactionUID U uids:K
00081301 PrincipalDiagnosisCodeSequence X descriptors:C
00081302 PrimaryDiagnosisCodeSequence X descriptors:C
00081303 SecondaryDiagnosesCodeSequence X descriptors:C
00081304 HistologicalDiagnosesCodeSequence X descriptors:C
00082111 DerivationDescription X descriptors:C
00082112 SourceImageSequence X/Z/U* uids:K
00083010 IrradiationEventUID U uids:K
00084000 IdentifyingComments X descriptors:C
00100010 PatientName Z
00100011 PersonNamesToUseSequence X
00100012 NameToUse X
00100013 NameToUseComment X
00100014 ThirdPersonPronounsSequence X
00100015 PronounCodeSequence X
00100016 PronounComment X descriptors:C
00100020 PatientID Z/D
00100021 IssuerOfPatientID X
00100030 PatientBirthDate Z
00100032 PatientBirthTime X
00100040 PatientSex Z patient:K
00100041 GenderIdentitySequence X
00100042 SexParametersForClinicalUseCategoryComment X patient:C descriptors:C
00100043 SexParametersForClinicalUseCategorySequence X patient:K
00100044 GenderIdentityCodeSequence X
00100045 GenderIdentityComment X descriptors:C
00100046 SexParametersForClinicalUseCategoryCodeSequence X patient:K
00100047 SexParametersForClinicalUseCategoryReference X patient:K
00100050 PatientInsurancePlanCodeSequence X
00100101 PatientPrimaryLanguageCodeSequence X
00100102 PatientPrimaryLanguageModifierCodeSequence X
00101000 OtherPatientIDs X
00101001 OtherPatientNames X
00101002 OtherPatientIDsSequence X
00101005 PatientBirthName X
00101010 PatientAge X patient:K
00101020 PatientSize X patient:K
00101030 PatientWeight X patient:K
00101040 PatientAddress X
00101050 InsurancePlanIdentification X
00101060 PatientMotherBirthName X
00101080 MilitaryRank X
00101081 BranchOfService X
00101090 MedicalRecordLocator X
00101100 ReferencedPatientPhotoSequence X
00102000 MedicalAlerts X descriptors:C
00102110 Allergies X patient:C descriptors:C
00102150 CountryOfResidence X
00102152 RegionOfResidence X
00102154 PatientTelephoneNumbers X
00102155 PatientTelecomInformation X
00102160 EthnicGroup X patient:K
00102161 EthnicGroupCodeSequence X patient:K
00102162 EthnicGroups X patient:K
00102180 Occupation X descriptors:C
001021a0 SmokingStatus X patient:K
001021b0 AdditionalPatientHistory X descriptors:C
001021c0 PregnancyStatus X patient:K
001021d0 LastMenstrualDate X fullDates:K modifiedDates:C
001021f0 PatientReligiousPreference X
00102203 PatientSexNeutered X/Z patient:K
00102297 ResponsiblePerson X
00102299 ResponsibleOrganization X
00104000 PatientComments X descriptors:C
00120010 ClinicalTrialSponsorName D
00120020 ClinicalTrialProtocolID D
00120021 ClinicalTrialProtocolName Z
00120022 IssuerOfClinicalTrialProtocolID X
00120023 OtherClinicalTrialProtocolIDsSequence X
00120030 ClinicalTrialSiteID Z institution:K
00120031 ClinicalTrialSiteName Z institution:K
00120032 IssuerOfClinicalTrialSiteID X
00120040 ClinicalTrialSubjectID D
00120041 IssuerOfClinicalTrialSubjectID X
00120042 ClinicalTrialSubjectReadingID D
00120043 IssuerOfClinicalTrialSubjectReadingID X
00120050 ClinicalTrialTimePointID Z
00120051 ClinicalTrialTimePointDescription X descriptors:C
00120055 IssuerOfClinicalTrialTimePointID X
00120060 ClinicalTrialCoordinatingCenterName Z institution:K
00120071 ClinicalTrialSeriesID X
00120072 ClinicalTrialSeriesDescription X descriptors:C
00120073 IssuerOfClinicalTrialSeriesID X
00120081 ClinicalTrialProtocolEthicsCommitteeName D institution:K
00120082 ClinicalTrialProtocolEthicsCommitteeApprovalNumber X
00120086 EthicsCommitteeApprovalEffectivenessStartDate X fullDates:K modifiedDates:C
00120087 EthicsCommitteeApprovalEffectivenessEndDate X fullDates:K modifiedDates:C
0014407c CalibrationTime X device:K fullDates:K modifiedDates:C
0014407e CalibrationDate X device:K fullDates:K modifiedDates:C
0016002b MakerNote X descriptors:C
0016004b DeviceSettingDescription X descriptors:C
0016004d CameraOwnerName X
0016004e LensSpecification X device:K
0016004f LensMake X device:K
00160050 LensModel X device:K
00160051 LensSerialNumber X device:K
00160070 GPSVersionID X
00160071 GPSLatitudeRef X
00160072 GPSLatitude X
00160073 GPSLongitudeRef X
00160074 GPSLongitude X
00160075 GPSAltitudeRef X
00160076 GPSAltitude X
00160077 GPSTimeStamp X
00160078 GPSSatellites X
00160079 GPSStatus X
0016007a GPSMeasureMode X
0016007b GPSDOP X
0016007c GPSSpeedRef X
0016007d GPSSpeed X
0016007e GPSTrackRef X
0016007f GPSTrack X
00160080 GPSImgDirectionRef X
00160081 GPSImgDirection X
00160082 GPSMapDatum X
00160083 GPSDestLatitudeRef X
00160084 GPSDestLatitude X
00160085 GPSDestLongitudeRef X
00160086 GPSDestLongitude X
00160087 GPSDestBearingRef X
00160088 GPSDestBearing X
00160089 GPSDestDistanceRef X
0016008a GPSDestDistance X
0016008b GPSProcessingMethod X
0016008c GPSAreaInformation X
0016008d GPSDateStamp X fullDates:K modifiedDates:C
0016008e GPSDifferential X
00180010 ContrastBolusAgent Z/D descriptors:C
00180027 InterventionDrugStopTime X fullDates:K modifiedDates:C
00180035 InterventionDrugStartTime X fullDates:K modifiedDates:C
00181000 DeviceSerialNumber X/Z/D device:K
00181002 DeviceUID U uids:K device:K
00181004 PlateID X device:K
00181005 GeneratorID X device:K
00181007 CassetteID X device:K
00181008 GantryID X device:K
00181009 UniqueDeviceIdentifier X device:K
0018100a UDISequence X device:K
0018100b ManufacturerDeviceClassUID U uids:K device:K
00181010 SecondaryCaptureDeviceID X device:K
00181011 HardcopyCreationDeviceID X device:K
00181012 DateOfSecondaryCapture X fullDates:K modifiedDates:C
00181014 TimeOfSecondaryCapture X fullDates:K modifiedDates:C
00181030 ProtocolName X/D descriptors:C
00181042 ContrastBolusStartTime X fullDates:K modifiedDates:C
00181043 ContrastBolusStopTime X fullDates:K modifiedDates:C
00181072 RadiopharmaceuticalStartTime X fullDates:K modifiedDates:C
00181073 RadiopharmaceuticalStopTime X fullDates:K modifiedDates:C
00181078 RadiopharmaceuticalStartDateTime X fullDates:K modifiedDates:C
00181079 RadiopharmaceuticalStopDateTime X fullDates:K modifiedDates:C
001811bb AcquisitionFieldOfViewLabel D descriptors:C
00181200 DateOfLastCalibration X device:K fullDates:K modifiedDates:C
00181201 TimeOfLastCalibration X device:K fullDates:K modifiedDates:C
00181202 DateTimeOfLastCalibration X device:K fullDates:K modifiedDates:C
00181203 CalibrationDateTime Z device:K fullDates:K modifiedDates:C
00181204 DateOfManufacture X device:K fullDates:K modifiedDates:C
00181205 DateOfInstallation X device:K fullDates:K modifiedDates:C
00181400 AcquisitionDeviceProcessingDescription X/D descriptors:C
00182042 TargetUID U uids:K
00184000 AcquisitionComments X descriptors:C
00185011 TransducerIdentificationSequence X device:K
0018700a DetectorID X/D device:K
0018700c DateOfLastDetectorCalibration X/D device:K fullDates:K modifiedDates:C
0018700e TimeOfLastDetectorCalibration X/D device:K fullDates:K modifiedDates:C
00189074 FrameAcquisitionDateTime D fullDates:K modifiedDates:C
00189151 FrameReferenceDateTime D fullDates:K modifiedDates:C
00189185 RespiratoryMotionCompensationTechniqueDescription X descriptors:C
00189367 XRaySourceID D device:K
00189369 SourceStartDateTime D fullDates:K modifiedDates:C
0018936a SourceEndDateTime D fullDates:K modifiedDates:C
00189371 XRayDetectorID D device:K
00189373 XRayDetectorLabel X device:K
0018937b MultienergyAcquisitionDescription X descriptors:C
0018937f DecompositionDescription X descriptors:C
00189424 AcquisitionProtocolDescription X descriptors:C
00189516 StartAcquisitionDateTime X/D fullDates:K modifiedDates:C
00189517 EndAcquisitionDateTime X/D fullDates:K modifiedDates:C
00189623 FunctionalSyncPulse D fullDates:K modifiedDates:C
00189701 DecayCorrectionDateTime D fullDates:K modifiedDates:C
00189804 ExclusionStartDateTime D fullDates:K modifiedDates:C
00189919 InstructionPerformedDateTime Z/D fullDates:K modifiedDates:C
00189937 RequestedSeriesDescription X descriptors:C
0018a002 ContributionDateTime X fullDates:K modifiedDates:C
0018a003 ContributionDescription X descriptors:C
0020000d StudyInstanceUID U uids:K
0020000e SeriesInstanceUID U uids:K
00200010 StudyID Z
00200027 PyramidLabel X descriptors:C
00200052 FrameOfReferenceUID U uids:K
00200200 SynchronizationFrameOfReferenceUID U uids:K
00203401 ModifyingDeviceID X device:K
00203403 ModifiedImageDate X fullDates:K modifiedDates:C
00203405 ModifiedImageTime X fullDates:K modifiedDates:C
00203406 ModifiedImageDescription X
00204000 ImageComments X descriptors:C
00209158 FrameComments X descriptors:C
00209161 ConcatenationUID U uids:K
00209164 DimensionOrganizationUID U uids:K
00281199 PaletteColorLookupTableUID U uids:K
00281214 LargePaletteColorLookupTableUID U uids:K
00284000 ImagePresentationComments X
00320012 StudyIDIssuer X
00320032 StudyVerifiedDate X fullDates:K modifiedDates:C
00320033 StudyVerifiedTime X fullDates:K modifiedDates:C
00320034 StudyReadDate X fullDates:K modifiedDates:C
00320035 StudyReadTime X fullDates:K modifiedDates:C
00321000 ScheduledStudyStartDate X fullDates:K modifiedDates:C
00321001 ScheduledStudyStartTime X fullDates:K modifiedDates:C
00321010 ScheduledStudyStopDate X fullDates:K modifiedDates:C
00321011 ScheduledStudyStopTime X fullDates:K modifiedDates:C
00321020 ScheduledStudyLocation X device:K
00321021 ScheduledStudyLocationAETitle X device:C
00321030 ReasonForStudy X descriptors:C
00321032 RequestingPhysician X
00321033 RequestingService X descriptors:C
00321040 StudyArrivalDate X fullDates:K modifiedDates:C
00321041 StudyArrivalTime X fullDates:K modifiedDates:C
00321050 StudyCompletionDate X fullDates:K modifiedDates:C
00321051 StudyCompletionTime X fullDates:K modifiedDates:C
00321060 RequestedProcedureDescription X/Z descriptors:C
00321066 ReasonForVisit X descriptors:C
00321067 ReasonForVisitCodeSequence X descriptors:C
00321070 RequestedContrastAgent X descriptors:C
00324000 StudyComments X descriptors:C
00340001 FlowIdentifierSequence D
00340002 FlowIdentifier D
00340005 SourceIdentifier D
00340007 FrameOriginTimestamp D fullDates:K modifiedDates:C
00380004 ReferencedPatientAliasSequence X
00380010 AdmissionID X
00380011 IssuerOfAdmissionID X
00380014 IssuerOfAdmissionIDSequence X
0038001a ScheduledAdmissionDate X fullDates:K modifiedDates:C
0038001b ScheduledAdmissionTime X fullDates:K modifiedDates:C
0038001c ScheduledDischargeDate X fullDates:K modifiedDates:C
0038001d ScheduledDischargeTime X fullDates:K modifiedDates:C
0038001e ScheduledPatientInstitutionResidence X
00380020 AdmittingDate X fullDates:K modifiedDates:C
00380021 AdmittingTime X fullDates:K modifiedDates:C
00380030 DischargeDate X fullDates:K modifiedDates:C
00380032 DischargeTime X fullDates:K modifiedDates:C
00380040 DischargeDiagnosisDescription X descriptors:C
00380050 SpecialNeeds X patient:C
00380060 ServiceEpisodeID X
00380061 IssuerOfServiceEpisodeID X
00380062 ServiceEpisodeDescription X descriptors:C
00380064 IssuerOfServiceEpisodeIDSequence X
00380300 CurrentPatientLocation X
00380400 PatientInstitutionResidence X
00380500 PatientState X patient:C descriptors:C
00384000 VisitComments X descriptors:C
003a0020 MultiplexGroupLabel X descriptors:C
003a0203 ChannelLabel X descriptors:C
003a020c ChannelDerivationDescription X descriptors:C
003a0310 MultiplexGroupUID U uids:K
003a0314 ImpedanceMeasurementDateTime D fullDates:K modifiedDates:C
003a0329 WaveformFilterDescription X descriptors:C
003a032b FilterLookupTableDescription X descriptors:C
00400001 ScheduledStationAETitle X device:C
00400002 ScheduledProcedureStepStartDate X fullDates:K modifiedDates:C
00400003 ScheduledProcedureStepStartTime X fullDates:K modifiedDates:C
00400004 ScheduledProcedureStepEndDate X fullDates:K modifiedDates:C
00400005 ScheduledProcedureStepEndTime X fullDates:K modifiedDates:C
00400006 ScheduledPerformingPhysicianName X
00400007 ScheduledProcedureStepDescription X descriptors:C
00400009 ScheduledProcedureStepID X
0040000b ScheduledPerformingPhysicianIdentificationSequence X
00400010 ScheduledStationName X device:K
00400011 ScheduledProcedureStepLocation X device:K
00400012 PreMedication X patient:C
00400241 PerformedStationAETitle X device:C
00400242 PerformedStationName X device:K
00400243 PerformedLocation X
00400244 PerformedProcedureStepStartDate X fullDates:K modifiedDates:C
00400245 PerformedProcedureStepStartTime X fullDates:K modifiedDates:C
00400250 PerformedProcedureStepEndDate X fullDates:K modifiedDates:C
00400251 PerformedProcedureStepEndTime X fullDates:K modifiedDates:C
00400253 PerformedProcedureStepID X
00400254 PerformedProcedureStepDescription X descriptors:C
00400275 RequestAttributesSequence X descriptors:C
00400280 CommentsOnThePerformedProcedureStep X descriptors:C
00400310 CommentsOnRadiationDose X descriptors:C
0040050a SpecimenAccessionNumber X
00400512 ContainerIdentifier D
00400513 IssuerOfTheContainerIdentifierSequence Z
0040051a ContainerDescription X descriptors:C
00400551 SpecimenIdentifier D
00400554 SpecimenUID U uids:K
00400555 AcquisitionContextSequence X/Z structured:C
00400556 AcquisitionContextDescription X descriptors:C
00400562 IssuerOfTheSpecimenIdentifierSequence Z
00400600 SpecimenShortDescription X descriptors:C
00400602 SpecimenDetailedDescription X descriptors:C
00400610 SpecimenPreparationSequence Z structured:C
004006fa SlideIdentifier X
00401001 RequestedProcedureID X
00401002 ReasonForTheRequestedProcedure X descriptors:C
00401004 PatientTransportArrangements X
00401005 RequestedProcedureLocation X
0040100a ReasonForRequestedProcedureCodeSequence X descriptors:C
00401010 NamesOfIntendedRecipientsOfResults X
00401011 IntendedRecipientsOfResultsIdentificationSequence X
00401101 PersonIdentificationCodeSequence D
00401102 PersonAddress X
00401103 PersonTelephoneNumbers X
00401104 PersonTelecomInformation X
00401400 RequestedProcedureComments X descriptors:C
00402001 ReasonForTheImagingServiceRequest X descriptors:C
00402004 IssueDateOfImagingServiceRequest X fullDates:K modifiedDates:C
00402005 IssueTimeOfImagingServiceRequest X fullDates:K modifiedDates:C
00402008 OrderEnteredBy X
00402009 OrderEntererLocation X
00402010 OrderCallbackPhoneNumber X
00402011 OrderCallbackTelecomInformation X
00402016 PlacerOrderNumberImagingServiceRequest Z
00402017 FillerOrderNumberImagingServiceRequest Z
00402400 ImagingServiceRequestComments X descriptors:C
00403001 ConfidentialityConstraintOnPatientDataDescription X
00404005 ScheduledProcedureStepStartDateTime X fullDates:K modifiedDates:C
00404008 ScheduledProcedureStepExpirationDateTime X fullDates:K modifiedDates:C
00404010 ScheduledProcedureStepModificationDateTime X fullDates:K modifiedDates:C
00404011 ExpectedCompletionDateTime X fullDates:K modifiedDates:C
00404023 ReferencedGeneralPurposeScheduledProcedureStepTransactionUID U uids:K
00404025 ScheduledStationNameCodeSequence X device:K
00404027 ScheduledStationGeographicLocationCodeSequence X device:K
00404028 PerformedStationNameCodeSequence X device:K
00404030 PerformedStationGeographicLocationCodeSequence X device:K
00404034 ScheduledHumanPerformersSequence X
00404035 ActualHumanPerformersSequence X
00404036 HumanPerformerOrganization X
00404037 HumanPerformerName X
00404050 PerformedProcedureStepStartDateTime X fullDates:K modifiedDates:C
00404051 PerformedProcedureStepEndDateTime X fullDates:K modifiedDates:C
00404052 ProcedureStepCancellationDateTime X fullDates:K modifiedDates:C
0040a023 FindingsGroupRecordingDateTrial X fullDates:K modifiedDates:C
0040a024 FindingsGroupRecordingTimeTrial X fullDates:K modifiedDates:C
0040a027 VerifyingOrganization D
0040a030 VerificationDateTime D fullDates:K modifiedDates:C
0040a032 ObservationDateTime X/D fullDates:K modifiedDates:C
0040a033 ObservationStartDateTime X fullDates:K modifiedDates:C
0040a034 EffectiveStartDateTime X fullDates:K modifiedDates:C
0040a035 EffectiveStopDateTime X fullDates:K modifiedDates:C
0040a073 VerifyingObserverSequence D
0040a075 VerifyingObserverName D
0040a078 AuthorObserverSequence X
0040a07a ParticipantSequence X
0040a07c CustodialOrganizationSequence X
0040a082 ParticipationDateTime Z fullDates:K modifiedDates:C
0040a088 VerifyingObserverIdentificationCodeSequence Z
0040a110 DateOfDocumentOrVerbalTransactionTrial X fullDates:K modifiedDates:C
0040a112 TimeOfDocumentCreationOrVerbalTransactionTrial X fullDates:K modifiedDates:C
0040a120 DateTime D fullDates:K modifiedDates:C
0040a121 Date D fullDates:K modifiedDates:C
0040a122 Time D fullDates:K modifiedDates:C
0040a123 PersonName D
0040a124 UID U
0040a13a ReferencedDateTime D fullDates:K modifiedDates:C
0040a171 ObservationUID U uids:K
0040a172 ReferencedObservationUIDTrial U uids:K
0040a192 ObservationDateTrial X fullDates:K modifiedDates:C
0040a193 ObservationTimeTrial X fullDates:K modifiedDates:C
0040a307 CurrentObserverTrial X
0040a352 VerbalSourceTrial X
0040a353 AddressTrial X
0040a354 TelephoneNumberTrial X
0040a358 VerbalSourceIdentifierCodeSequenceTrial X
0040a402 ObservationSubjectUIDTrial U uids:K
0040a730 ContentSequence D structured:C
0040b020 WaveformAnnotationSequence X/D structured:C
0040b034 AnnotationDateTime X fullDates:K modifiedDates:C
0040b036 SegmentDefinitionDateTime X fullDates:K modifiedDates:C
0040b03b MontageName X descriptors:C
0040b03f MontageChannelLabel X descriptors:C
0040db06 TemplateVersion X fullDates:K modifiedDates:C
0040db07 TemplateLocalVersion X fullDates:K modifiedDates:C
0040db0c TemplateExtensionOrganizationUID U uids:K
0040db0d TemplateExtensionCreatorUID U uids:K
0040e004 HL7DocumentEffectiveTime X fullDates:K modifiedDates:C
0040e012 DisplayURI X
00420011 EncapsulatedDocument D
00440004 ApprovalStatusDateTime X fullDates:K modifiedDates:C
0044000b ProductExpirationDateTime X fullDates:K modifiedDates:C
00440010 SubstanceAdministrationDateTime X fullDates:K modifiedDates:C
00440104 AssertionDateTime D fullDates:K modifiedDates:C
00440105 AssertionExpirationDateTime X fullDates:K modifiedDates:C
0050001b ContainerComponentID X
00500020 DeviceDescription X device:K
00500021 LongDeviceDescription X descriptors:C
00620021 TrackingUID U uids:K
00640003 SourceFrameOfReferenceUID U uids:K
00686226 EffectiveDateTime D fullDates:K modifiedDates:C
00686270 InformationIssueDateTime D fullDates:K modifiedDates:C
006a0003 AnnotationGroupUID D uids:K
006a0005 AnnotationGroupLabel D descriptors:C
006a0006 AnnotationGroupDescription X descriptors:C
00700001 GraphicAnnotationSequence D graphics:C
00700006 UnformattedTextValue D descriptors:C
00700082 PresentationCreationDate X fullDates:K modifiedDates:C
00700083 PresentationCreationTime X fullDates:K modifiedDates:C
00700084 ContentCreatorName Z/D
00700086 ContentCreatorIdentificationCodeSequence X
0070031a FiducialUID U uids:K
00701101 PresentationDisplayCollectionUID U uids:K
00701102 PresentationSequenceCollectionUID U uids:K
0072000a HangingProtocolCreationDateTime D fullDates:K modifiedDates:C
0072005e SelectorAEValue D device:C
0072005f SelectorASValue D patient:K
00720061 SelectorDAValue D fullDates:K modifiedDates:C
00720063 SelectorDTValue D fullDates:K modifiedDates:C
00720065 SelectorOBValue D
00720066 SelectorLOValue D descriptors:C
00720068 SelectorLTValue D descriptors:C
0072006a SelectorPNValue D
0072006b SelectorTMValue D fullDates:K modifiedDates:C
0072006c SelectorSHValue D descriptors:C
0072006d SelectorUNValue D
0072006e SelectorSTValue D descriptors:C
00720070 SelectorUTValue D descriptors:C
00720071 SelectorURValue D
00741234 ReceivingAE X device:C
00741236 RequestingAE X device:C
00880140 StorageMediaFileSetUID U uids:K
00880200 IconImageSequence X
00880904 TopicTitle X
00880906 TopicSubject X
00880910 TopicAuthor X
00880912 TopicKeywords X
01000420 SOPAuthorizationDateTime X fullDates:K modifiedDates:C
04000100 DigitalSignatureUID U
04000105 DigitalSignatureDateTime D fullDates:K modifiedDates:C
04000115 CertificateOfSigner D
04000310 CertifiedTimestamp X fullDates:K modifiedDates:C
04000402 ReferencedDigitalSignatureSequence X
04000403 ReferencedSOPInstanceMACSequence X
04000404 MAC X
04000550 ModifiedAttributesSequence X
04000551 NonconformingModifiedAttributesSequence X
04000552 NonconformingDataElementValue X
04000561 OriginalAttributesSequence X
04000562 AttributeModificationDateTime D fullDates:K modifiedDates:C
04000563 ModifyingSystem D device:K
04000564 SourceOfPreviousValues Z institution:K
04000565 ReasonForTheAttributeModification D descriptors:C
04000600 InstanceOriginStatus X
20300020 TextString X
21000040 CreationDate X fullDates:K modifiedDates:C
21000050 CreationTime X fullDates:K modifiedDates:C
21000070 Originator X device:C
21000140 DestinationAE D device:C
22000002 LabelText X/Z descriptors:C
22000005 BarcodeValue X/Z
30020121 PositionAcquisitionTemplateName X descriptors:C
30020123 PositionAcquisitionTemplateDescription X descriptors:C
3004007f DoseCalculationModelName X descriptors:C
30060002 StructureSetLabel D descriptors:C
30060004 StructureSetName X descriptors:C
30060006 StructureSetDescription X descriptors:C
30060008 StructureSetDate Z fullDates:K modifiedDates:C
30060009 StructureSetTime Z fullDates:K modifiedDates:C
30060024 ReferencedFrameOfReferenceUID U uids:K
30060026 ROIName Z descriptors:C
30060028 ROIDescription X descriptors:C
3006002d ROIDateTime X fullDates:K modifiedDates:C
3006002e ROIObservationDateTime X fullDates:K modifiedDates:C
30060038 ROIGenerationDescription X descriptors:C
3006004d ROICreatorSequence X
3006004e ROIInterpreterSequence X
30060085 ROIObservationLabel X descriptors:C
30060088 ROIObservationDescription X descriptors:C
300600a6 ROIInterpreter Z
300600c2 RelatedFrameOfReferenceUID U uids:K
30080024 TreatmentControlPointDate D fullDates:K modifiedDates:C
30080025 TreatmentControlPointTime D fullDates:K modifiedDates:C
30080054 FirstTreatmentDate X/D fullDates:K modifiedDates:C
30080056 MostRecentTreatmentDate X/D fullDates:K modifiedDates:C
30080105 SourceSerialNumber X/Z device:K
30080162 SafePositionExitDate D fullDates:K modifiedDates:C
30080164 SafePositionExitTime D fullDates:K modifiedDates:C
30080166 SafePositionReturnDate D fullDates:K modifiedDates:C
30080168 SafePositionReturnTime D fullDates:K modifiedDates:C
30080250 TreatmentDate X/D fullDates:K modifiedDates:C
30080251 TreatmentTime X/D fullDates:K modifiedDates:C
300a0002 RTPlanLabel D descriptors:C
300a0003 RTPlanName X descriptors:C
300a0004 RTPlanDescription X descriptors:C
300a0006 RTPlanDate X/D fullDates:K modifiedDates:C
300a0007 RTPlanTime X/D fullDates:K modifiedDates:C
300a000b TreatmentSites X descriptors:C
300a000e PrescriptionDescription X descriptors:C
300a0013 DoseReferenceUID U uids:K
300a0016 DoseReferenceDescription X descriptors:C
300a0054 TableTopPositionAlignmentUID U uids:K
300a0072 FractionGroupDescription X descriptors:C
300a0083 ReferencedDoseReferenceUID U uids:K
300a00b2 TreatmentMachineName X/Z device:K
300a00c3 BeamDescription X descriptors:C
300a00dd BolusDescription X descriptors:C
300a0196 FixationDeviceDescription X descriptors:C
300a01a6 ShieldingDeviceDescription X descriptors:C
300a01b2 SetupTechniqueDescription X descriptors:C
300a0216 SourceManufacturer X device:K
300a022c SourceStrengthReferenceDate D fullDates:K modifiedDates:C
300a022e SourceStrengthReferenceTime D fullDates:K modifiedDates:C
300a02eb CompensatorDescription X descriptors:C
300a0608 TreatmentPositionGroupLabel D descriptors:C
300a0609 TreatmentPositionGroupUID U uids:K
300a0611 RTAccessoryHolderSlotID Z
300a0615 RTAccessoryDeviceSlotID Z
300a0619 RadiationDoseIdentificationLabel D descriptors:C
300a0623 RadiationDoseInVivoMeasurementLabel D descriptors:C
300a062a RTToleranceSetLabel D descriptors:C
300a0650 PatientSetupUID U uids:K
300a0676 EquipmentFrameOfReferenceDescription X descriptors:C
300a067c RadiationGenerationModeLabel D descriptors:C
300a067d RadiationGenerationModeDescription Z descriptors:C
300a0700 TreatmentSessionUID U uids:K
300a0734 TreatmentToleranceViolationDescription D descriptors:C
300a0736 TreatmentToleranceViolationDateTime D fullDates:K modifiedDates:C
300a073a RecordedRTControlPointDateTime D fullDates:K modifiedDates:C
300a0741 InterlockDateTime D fullDates:K modifiedDates:C
300a0742 InterlockDescription D descriptors:C
300a0760 OverrideDateTime D fullDates:K modifiedDates:C
300a0783 InterlockOriginDescription D descriptors:C
300a0785 ReferencedTreatmentPositionGroupUID U uids:K
300a078e PatientTreatmentPreparationProcedureParameterDescription X descriptors:C
300a0792 PatientTreatmentPreparationMethodDescription X descriptors:C
300a0794 PatientSetupPhotoDescription X descriptors:C
300a079a DisplacementReferenceLabel X descriptors:C
300c0113 ReasonForOmissionDescription X descriptors:C
300c0127 BeamHoldTransitionDateTime D device:K fullDates:K modifiedDates:C
300e0004 ReviewDate Z fullDates:K modifiedDates:C
300e0005 ReviewTime Z fullDates:K modifiedDates:C
300e0008 ReviewerName X/Z
30100006 ConceptualVolumeUID U uids:K
3010000b ReferencedConceptualVolumeUID U uids:K
3010000f ConceptualVolumeCombinationDescription Z descriptors:C
30100013 ConstituentConceptualVolumeUID U uids:K
30100015 SourceConceptualVolumeUID U uids:K
30100017 ConceptualVolumeDescription Z descriptors:C
3010001b DeviceAlternateIdentifier Z
3010002d DeviceLabel D device:K
30100031 ReferencedFiducialsUID U uids:K
30100033 UserContentLabel D descriptors:C
30100034 UserContentLongLabel D descriptors:C
30100035 EntityLabel D descriptors:C
30100036 EntityName X descriptors:C
30100037 EntityDescription X descriptors:C
30100038 EntityLongLabel D descriptors:C
3010003b RTTreatmentPhaseUID U uids:K
30100043 ManufacturerDeviceIdentifier Z device:K
3010004c IntendedPhaseStartDate X/D fullDates:K modifiedDates:C
3010004d IntendedPhaseEndDate X/D fullDates:K modifiedDates:C
30100054 RTPrescriptionLabel D descriptors:C
30100056 RTTreatmentApproachLabel X/D descriptors:C
3010005a RTPhysicianIntentNarrative Z descriptors:C
3010005c ReasonForSuperseding Z descriptors:C
30100061 PriorTreatmentDoseDescription X descriptors:C
3010006e DosimetricObjectiveUID U uids:K
3010006f ReferencedDosimetricObjectiveUID U uids:K
30100077 TreatmentSite X/D descriptors:C
3010007a TreatmentTechniqueNotes Z descriptors:C
3010007b PrescriptionNotes Z descriptors:C
3010007f FractionationNotes Z descriptors:C
30100081 PrescriptionNotesSequence Z descriptors:C
30100085 IntendedFractionStartTime X fullDates:K modifiedDates:C
40000010 Arbitrary X
40004000 TextComments X
40080040 ResultsID X
40080042 ResultsIDIssuer X
40080100 InterpretationRecordedDate X fullDates:K modifiedDates:C
40080101 InterpretationRecordedTime X fullDates:K modifiedDates:C
40080102 InterpretationRecorder X
40080108 InterpretationTranscriptionDate X fullDates:K modifiedDates:C
40080109 InterpretationTranscriptionTime X fullDates:K modifiedDates:C
4008010a InterpretationTranscriber X
4008010b InterpretationText X descriptors:C
4008010c InterpretationAuthor X
40080111 InterpretationApproverSequence X
40080112 InterpretationApprovalDate X fullDates:K modifiedDates:C
40080113 InterpretationApprovalTime X fullDates:K modifiedDates:C
40080114 PhysicianApprovingInterpretation X
40080115 InterpretationDiagnosisDescription X descriptors:C
40080118 ResultsDistributionListSequence X
40080119 DistributionName X
4008011a DistributionAddress X
40080200 InterpretationID X
40080202 InterpretationIDIssuer X
40080300 Impressions X descriptors:C
40084000 ResultsComments X descriptors:C
50xxxxxx CurveData X graphics:C
60xx3000 OverlayData X graphics:C
60xx4000 OverlayComments X graphics:C
fffafffa DigitalSignaturesSequence X
fffcfffc DataSetTrailingPadding X
private PrivateAttributes X safePrivate:C
`;
