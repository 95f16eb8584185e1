package openapi

import "k8s.io/kubernetes/pkg/generated/openapi"

// GetOpenAPIDefinitions takes the place of a file generated for Kubernetes 0.36; those of the Kubernetes that this
// module builds describe the same metrics types.
var GetOpenAPIDefinitions = openapi.GetOpenAPIDefinitions
