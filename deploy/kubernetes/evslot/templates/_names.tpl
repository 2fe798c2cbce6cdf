{{/* The image, by digest where one is given. */}}
{{- define "evslot.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Labels that never change: what selectors use. Call with (dict "root" $ "part" "user"). */}}
{{- define "evslot.selector" -}}
app.kubernetes.io/name: evslot
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "evslot.labels" -}}
{{ include "evslot.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{- define "evslot.bootstrap" -}}
{{- if .Values.kafka.enabled -}}
{{ .Values.kafka.name }}-kafka-bootstrap.{{ .Release.Namespace }}.svc:9093
{{- else -}}
{{ required "kafka.bootstrap is needed where kafka.enabled is false" .Values.kafka.bootstrap }}
{{- end -}}
{{- end -}}

{{- define "evslot.kafkaCa" -}}
{{ .Values.kafka.clusterCaSecret | default (printf "%s-cluster-ca-cert" .Values.kafka.name) }}
{{- end -}}

{{/* The name of a part's PostgreSQL cluster. */}}
{{- define "evslot.cluster" -}}
{{ .root.Release.Name }}-{{ .part }}-db
{{- end -}}

{{- define "evslot.databaseHost" -}}
{{- if .root.Values.postgres.enabled -}}
{{ include "evslot.cluster" . }}-rw.{{ .root.Release.Namespace }}.svc
{{- else -}}
{{ required (printf "database.host of %s is needed where postgres.enabled is false" .part) .database.host }}
{{- end -}}
{{- end -}}

{{/* What a role needs to reach a part's database: call with root, part, database, role, setting. */}}
{{- define "evslot.databaseEnv" -}}
{{- $secret := printf "%s%s-%s" .root.Values.secrets.databasePrefix .part .role -}}
- name: {{ upper .part }}_{{ upper .role }}_USER
  valueFrom: { secretKeyRef: { name: {{ $secret }}, key: username } }
- name: {{ upper .part }}_{{ upper .role }}_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $secret }}, key: password } }
- name: {{ .setting }}
  value: >-
    postgresql://$({{ upper .part }}_{{ upper .role }}_USER):$({{ upper .part }}_{{ upper .role }}_PASSWORD)@{{ include "evslot.databaseHost" . }}:{{ .root.Values.postgres.port }}/{{ .database.name }}?sslmode=verify-full&sslrootcert=/tls/{{ .part }}-db/ca.crt
{{- end -}}

{{/* How Kafka is reached, as the principal of a part. */}}
{{- define "evslot.kafkaEnv" -}}
{{- $user := printf "%s-%s" .root.Release.Name .part -}}
- name: EVSLOT_KAFKA_BOOTSTRAP
  value: {{ include "evslot.bootstrap" .root }}
- name: EVSLOT_KAFKA_SECURITY
  value: sasl_ssl
- name: EVSLOT_KAFKA_CA_FILE
  value: /tls/kafka/ca.crt
- name: EVSLOT_KAFKA_USER
  value: {{ $user }}
- name: EVSLOT_KAFKA_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $user }}, key: password } }
{{- end -}}

{{/* The environment of a part: call with root, part, about. */}}
{{- define "evslot.env" -}}
{{- $upper := upper .part -}}
{{ include "evslot.kafkaEnv" . }}
{{ include "evslot.databaseEnv" (dict "root" .root "part" .part "database" .about.database "role" "app" "setting" (printf "EVSLOT_%s_DATABASE_URL" $upper)) }}
- name: EVSLOT_ENVIRONMENT
  value: {{ .root.Values.environment }}
- name: EVSLOT_{{ $upper }}_LOG_LEVEL
  value: {{ .root.Values.logLevel }}
- name: EVSLOT_{{ $upper }}_HEALTH_HOST
  value: 0.0.0.0
- name: EVSLOT_{{ $upper }}_HEALTH_PORT
  value: {{ .about.health | quote }}
- name: EVSLOT_{{ $upper }}_KEYS_FILE
  value: /keys/own/{{ .part }}.json
- name: EVSLOT_KEYS_PUBLIC_FILE
  value: /keys/public/public.jwks.json
{{- range $name, $value := .about.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "evslot.mounts" -}}
- { name: tmp, mountPath: /tmp }
- { name: own-keys, mountPath: /keys/own, readOnly: true }
- { name: public-keys, mountPath: /keys/public, readOnly: true }
- { name: kafka-ca, mountPath: /tls/kafka, readOnly: true }
- { name: database-ca, mountPath: /tls/{{ .part }}-db, readOnly: true }
{{- end -}}

{{- define "evslot.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
- name: own-keys
  secret: { secretName: {{ .root.Values.secrets.keysPrefix }}{{ .part }}, defaultMode: 0440 }
- name: public-keys
  secret: { secretName: {{ .root.Values.secrets.publicKeys }} }
- name: kafka-ca
  secret: { secretName: {{ include "evslot.kafkaCa" .root }}, items: [{ key: ca.crt, path: ca.crt }] }
- name: database-ca
  secret: { secretName: {{ include "evslot.cluster" . }}-ca, items: [{ key: ca.crt, path: ca.crt }] }
{{- end -}}

{{/* Nobody's user, a file system that cannot be written, no way up. */}}
{{- define "evslot.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "evslot.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "evslot.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: health }
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /healthz, port: health }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: health }
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{/* Spread over zones and machines, as far as there are some. */}}
{{- define "evslot.spread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "evslot.selector" $ | nindent 6 }}
{{- end }}
{{- end -}}
