{{- define "portcullis.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 53 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "portcullis.operator" -}}
{{ include "portcullis.fullname" . }}-operator
{{- end }}

{{- define "portcullis.serviceAccount" -}}
{{- default (include "portcullis.operator" .) .Values.operator.serviceAccount.name }}
{{- end }}

{{- define "portcullis.selector" -}}
app.kubernetes.io/name: portcullis
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "portcullis.labels" -}}
{{ include "portcullis.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: portcullis
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* metadata of a resource: (list root name), with more labels or annotations as the third and fourth of the list */}}
{{- define "portcullis.metadata" -}}
{{- $root := index . 0 -}}
{{- $labels := dict }}{{ if gt (len .) 2 }}{{ $labels = index . 2 }}{{ end -}}
{{- $annotations := $root.Values.commonAnnotations }}{{ if gt (len .) 3 }}{{ $annotations = merge (deepCopy (index . 3)) $annotations }}{{ end -}}
name: {{ index . 1 }}
labels:
  {{- merge (deepCopy $labels) (include "portcullis.labels" $root | fromYaml) | toYaml | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* an image: (list root name) */}}
{{- define "portcullis.image" -}}
{{- $root := index . 0 }}{{ $name := index . 1 -}}
{{- $digest := get $root.Values.image.digests $name -}}
{{ $root.Values.image.repository }}/{{ $name }}{{ if $digest }}@{{ $digest }}{{ else }}:{{ default $root.Chart.AppVersion $root.Values.image.tag }}{{ end }}
{{- end }}
