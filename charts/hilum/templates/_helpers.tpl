{{- define "hilum.name" -}}
{{- printf "%s" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "hilum.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/part-of: hilum
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- /* One image reference from {registry, repository, tag, digest}; the digest wins. */ -}}
{{- define "hilum.image" -}}
{{- $image := .image -}}
{{- $name := $image.repository -}}
{{- if $image.registry -}}{{- $name = printf "%s/%s" $image.registry $image.repository -}}{{- end -}}
{{- if $image.digest -}}{{ printf "%s@%s" $name $image.digest }}
{{- else -}}{{ printf "%s:%s" $name (default .appVersion $image.tag) }}{{- end -}}
{{- end -}}

{{- /* "true" where the chart brings MLflow: unless tracking.uri names one. */ -}}
{{- define "hilum.bundledMlflow" -}}
{{- if and .Values.mlflow.enabled (not .Values.tracking.uri) -}}true{{- end -}}
{{- end -}}

{{- define "hilum.trackingUri" -}}
{{- if .Values.tracking.uri -}}{{ .Values.tracking.uri }}
{{- else if .Values.mlflow.enabled -}}{{ printf "http://%s-mlflow.%s.svc:5000" (include "hilum.name" .) .Release.Namespace }}
{{- else -}}{{ fail "Hilum needs an MLflow: set tracking.uri to yours, or mlflow.enabled=true for the bundled one" }}
{{- end -}}
{{- end -}}

{{- define "hilum.pullSecretNames" -}}
{{- $names := list -}}
{{- range . }}{{- $names = append $names .name -}}{{- end -}}
{{- join "," $names -}}
{{- end -}}

{{- define "hilum.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* What the operator may do: "operator" in each namespace that it watches, "lease" in its own. */ -}}
{{- define "hilum.rules" -}}
{{- index (.root.Files.Get "files/rbac.yaml" | fromYaml) .of | toYaml -}}
{{- end -}}
