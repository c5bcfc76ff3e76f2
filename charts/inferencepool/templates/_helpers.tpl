{{/* The pool's ports. */}}
{{- define "igw.ports" -}}
{{- $pool := .Values.inferencePool -}}
{{- if $pool.targetPorts -}}
{{- toJson $pool.targetPorts -}}
{{- else -}}
{{- toJson (list (dict "number" (int ($pool.targetPortNumber | default 8000)))) -}}
{{- end -}}
{{- end -}}

{{/* The values that only some words may stand in. */}}
{{- define "igw.validate" -}}
{{- $pool := .Values.inferencePool -}}
{{- if not $pool.modelServers.matchLabels -}}
{{- fail "inferencePool.modelServers.matchLabels is missing: the labels of the model servers' pods, such as --set inferencePool.modelServers.matchLabels.app=vllm-llama3-8b-instruct" -}}
{{- end -}}
{{- if not (has $pool.modelServerType (list "" "vllm" "sglang" "triton-tensorrt-llm" "trtllm-serve")) -}}
{{- fail (printf "inferencePool.modelServerType: %q is not vllm, sglang, triton-tensorrt-llm or trtllm-serve" $pool.modelServerType) -}}
{{- end -}}
{{- if not (has $pool.failureMode (list "FailOpen" "FailClose")) -}}
{{- fail (printf "inferencePool.failureMode: %q is not FailOpen or FailClose" $pool.failureMode) -}}
{{- end -}}
{{- if not (has $pool.apiVersion (list "inference.networking.k8s.io/v1" "inference.networking.x-k8s.io/v1alpha2")) -}}
{{- fail (printf "inferencePool.apiVersion: %q is not inference.networking.k8s.io/v1 or inference.networking.x-k8s.io/v1alpha2" $pool.apiVersion) -}}
{{- end -}}
{{- end -}}
