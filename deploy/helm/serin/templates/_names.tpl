{{/* What names of objects begin with. */}}
{{- define "serin.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "serin" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-serin" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}
{{- end }}

{{- define "serin.controller" -}}
{{ include "serin.fullname" . }}-controller
{{- end }}

{{- define "serin.gateway" -}}
{{ include "serin.fullname" . }}-gateway
{{- end }}

{{- define "serin.controllerAccount" -}}
{{- with .Values.controller.serviceAccount -}}
{{- if .create }}{{ .name | default (include "serin.controller" $) }}{{ else }}{{ .name | default "default" }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "serin.gatewayAccount" -}}
{{- with .Values.gateway.serviceAccount -}}
{{- if .create }}{{ .name | default (include "serin.gateway" $) }}{{ else }}{{ .name | default "default" }}{{ end -}}
{{- end -}}
{{- end }}

{{/* Of every object. */}}
{{- define "serin.labels" -}}
app.kubernetes.io/part-of: serin
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "serin.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "serin.logArgs" -}}
{{- if eq .Values.logFormat "json" }}
- --log-json
{{- end }}
{{- if eq .Values.logLevel "debug" }}
- --verbose
{{- end }}
{{- end }}

{{/* Where pods may run, of controller and gateway: called with their values. */}}
{{- define "serin.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
