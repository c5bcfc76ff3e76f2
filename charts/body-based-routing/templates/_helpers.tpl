{{/* A module's reference: by its digest if there is one. */}}
{{- define "igw.module" -}}
{{- $registry := trimSuffix "/" .registry -}}
{{- if .digest -}}
{{ $registry }}/{{ .name }}@{{ .digest }}
{{- else -}}
{{ $registry }}/{{ .name }}:{{ .tag }}
{{- end -}}
{{- end -}}

{{/* Base models and their adapters as JSON: from the values, from ConfigMaps, from routes. */}}
{{- define "igw.baseModels" -}}
{{- $bases := dict -}}
{{- range .Values.bbr.baseModels -}}
{{- $_ := set $bases .name (concat (get $bases .name | default list) (.adapters | default list)) -}}
{{- end -}}
{{- if .Values.bbr.lookup -}}
{{- $maps := lookup "v1" "ConfigMap" .Release.Namespace "" -}}
{{- range ($maps.items | default list) -}}
{{- $labels := .metadata.labels | default dict -}}
{{- $bbr := get $labels "inference.networking.k8s.io/bbr-managed" -}}
{{- $ipp := get $labels "inference.llm-d.ai/ipp-managed" -}}
{{- if or (eq (toString $bbr) "true") (eq (toString $ipp) "true") -}}
{{- $base := trim (.data.baseModel | default "") -}}
{{- $adapters := fromYamlArray (.data.adapters | default "[]") -}}
{{- if $base -}}
{{- $_ := set $bases $base (concat (get $bases $base | default list) $adapters) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $routes := lookup "gateway.networking.k8s.io/v1" "HTTPRoute" .Release.Namespace "" -}}
{{- range ($routes.items | default list) -}}
{{- range (.spec.rules | default list) -}}
{{- range (.matches | default list) -}}
{{- range (.headers | default list) -}}
{{- if and (eq (lower .name) "x-gateway-base-model-name") (eq (.type | default "Exact") "Exact") -}}
{{- $_ := set $bases .value (get $bases .value | default list) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $list := list -}}
{{- range $name := keys $bases | sortAlpha -}}
{{- $adapters := get $bases $name | uniq | sortAlpha -}}
{{- if $adapters -}}
{{- $list = append $list (dict "name" $name "adapters" $adapters) -}}
{{- else -}}
{{- $list = append $list (dict "name" $name) -}}
{{- end -}}
{{- end -}}
{{- toJson $list -}}
{{- end -}}

{{/* The configuration of the BBR filter, JSON. */}}
{{- define "igw.bbr" -}}
{{- $config := dict "baseModels" (include "igw.baseModels" . | fromJsonArray) "serveModels" true -}}
{{- if .Values.bbr.learnAdapters -}}
{{- $_ := set $config "learnAdapters" true -}}
{{- end -}}
{{- if .Values.bbr.rejectUnknownModels -}}
{{- $_ := set $config "onUnknownModel" "reject" -}}
{{- end -}}
{{- $bytes := int64 .Values.bbr.maxBodyBytes -}}
{{- if ne $bytes 16777216 -}}
{{- $_ := set $config "maxBodyBytes" $bytes -}}
{{- end -}}
{{- toPrettyJson $config -}}
{{- end -}}

{{/* The cluster that Istio makes for an InferencePool. */}}
{{- define "igw.cluster" -}}
{{- $service := printf "%s-ip-%s" (trunc 51 .name) (sha256sum .name | trunc 8) -}}
{{- printf "outbound|54321||%s.%s.svc.cluster.local" $service .namespace -}}
{{- end -}}

{{/* The configuration of the picker filter, JSON. */}}
{{- define "igw.picker" -}}
{{- $namespace := .Release.Namespace -}}
{{- $servers := dict "vllm" "vllm" "sglang" "sglang" "trtllm-serve" "tensorrt-llm" "triton-tensorrt-llm" "triton" -}}
{{- $pools := dict -}}
{{- $all := .Values.picker.pools -}}
{{- if .Values.picker.lookup -}}
{{- range (list "inference.networking.k8s.io/v1" "inference.networking.x-k8s.io/v1alpha2") -}}
{{- $found := lookup . "InferencePool" $namespace "" -}}
{{- range ($found.items | default list) -}}
{{- $pool := dict "name" .metadata.name -}}
{{- $label := get (.metadata.labels | default dict) "inference.networking.k8s.io/model-server" -}}
{{- $server := get $servers (toString ($label | default "")) -}}
{{- if $server -}}{{- $_ := set $pool "server" $server -}}{{- end -}}
{{- $picker := .spec.endpointPickerRef | default .spec.extensionRef | default dict -}}
{{- if eq (toString ($picker.failureMode | default "")) "FailOpen" -}}{{- $_ := set $pool "failOpen" true -}}{{- end -}}
{{- $all = append $all $pool -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $learns := .Values.bbr.learnAdapters -}}
{{- range $all -}}
{{- $cluster := include "igw.cluster" (dict "name" .name "namespace" $namespace) -}}
{{- $pool := dict "name" .name "cluster" $cluster "endpoints" (dict "envoyAdmin" "envoy_admin") -}}
{{- if .server -}}{{- $_ := set $pool "server" .server -}}{{- end -}}
{{- if .failOpen -}}{{- $_ := set $pool "failOpen" true -}}{{- end -}}
{{- if $learns -}}{{- $_ := set $pool "learnAdapters" true -}}{{- end -}}
{{- if not (hasKey $pools .name) -}}{{- $_ := set $pools .name $pool -}}{{- end -}}
{{- end -}}
{{- $list := list -}}
{{- range $name := keys $pools | sortAlpha -}}
{{- $list = append $list (get $pools $name) -}}
{{- end -}}
{{- $config := dict "pools" $list -}}
{{- $objectives := list -}}
{{- if .Values.picker.lookup -}}
{{- $found := lookup "inference.networking.x-k8s.io/v1alpha2" "InferenceObjective" $namespace "" -}}
{{- range ($found.items | default list) -}}
{{- $objectives = append $objectives (dict "name" .metadata.name "priority" (int (.spec.priority | default 0))) -}}
{{- end -}}
{{- end -}}
{{- if $objectives -}}{{- $_ := set $config "objectives" $objectives -}}{{- end -}}
{{- if .Values.picker.explain -}}{{- $_ := set $config "explain" true -}}{{- end -}}
{{- toPrettyJson $config -}}
{{- end -}}
