# The guides' helm commands with their values, as they stand there; but for the place of the
# charts, which is CHARTS here. Variables are set as the guides set them.

# guide 002
helm install body-based-router \
  --set provider.name= \
  --version v1.0.0 \
  oci://CHARTS/body-based-routing

# guide 002
helm install body-based-router \
  --set provider.name=istio \
  --version v1.0.0 \
  oci://CHARTS/body-based-routing

# guide 002
helm install body-based-router \
  --version v1.0.0 \
  oci://CHARTS/body-based-routing

# guide 002
export GATEWAY_PROVIDER=gke
helm install vllm-phi4-mini-instruct \
  --set inferencePool.modelServers.matchLabels.app=phi4-mini \
  --set provider.name=$GATEWAY_PROVIDER \
  --version v1.0.0 \
  oci://CHARTS/inferencepool

# guide 002
export GATEWAY_PROVIDER=istio
helm install vllm-phi4-mini-instruct \
  --set inferencePool.modelServers.matchLabels.app=phi4-mini \
  --set provider.name=$GATEWAY_PROVIDER \
  --version v1.0.0 \
  oci://CHARTS/inferencepool

# guide 002
export GATEWAY_PROVIDER=gke
helm install vllm-deepseek-r1 \
  --set inferencePool.modelServers.matchLabels.app=vllm-deepseek-r1 \
  --set provider.name=$GATEWAY_PROVIDER \
  --version $IGW_CHART_VERSION \
  oci://CHARTS/inferencepool

# guide 002
export GATEWAY_PROVIDER=istio
helm install vllm-deepseek-r1 \
  --set inferencePool.modelServers.matchLabels.app=vllm-deepseek-r1 \
  --set provider.name=$GATEWAY_PROVIDER \
  --version $IGW_CHART_VERSION \
  oci://CHARTS/inferencepool

# guide 003
export GATEWAY_PROVIDER=gke
helm install body-based-router \
  --set provider.name=$GATEWAY_PROVIDER \
  --version $CHART_VERSION \
  oci://CHARTS/body-based-routing

# guide 003
export GATEWAY_PROVIDER=istio
helm install body-based-router \
  --set provider.name=$GATEWAY_PROVIDER \
  --version $CHART_VERSION \
  oci://CHARTS/body-based-routing

# guide 003
helm install body-based-router \
  --version $CHART_VERSION \
  oci://CHARTS/body-based-routing

# guide 003
export GATEWAY_PROVIDER=gke
helm install vllm-deepseek-r1 \
  --dependency-update \
  --set inferencePool.modelServers.matchLabels.app=vllm-deepseek-r1 \
  --set provider.name=$GATEWAY_PROVIDER \
  --set experimentalHttpRoute.enabled=true \
  --set experimentalHttpRoute.baseModel=deepseek/vllm-deepseek-r1 \
  --version $IGW_CHART_VERSION \
  oci://CHARTS/inferencepool

# guide 003
export GATEWAY_PROVIDER=istio
helm install vllm-deepseek-r1 \
  --dependency-update \
  --set inferencePool.modelServers.matchLabels.app=vllm-deepseek-r1 \
  --set provider.name=$GATEWAY_PROVIDER \
  --set experimentalHttpRoute.enabled=true \
  --set experimentalHttpRoute.baseModel=deepseek/vllm-deepseek-r1 \
  --version $IGW_CHART_VERSION \
  oci://CHARTS/inferencepool

# guide 003
export GATEWAY_PROVIDER=none
helm install vllm-deepseek-r1 \
  --dependency-update \
  --set inferencePool.modelServers.matchLabels.app=vllm-deepseek-r1 \
  --set provider.name=$GATEWAY_PROVIDER \
  --set experimentalHttpRoute.enabled=true \
  --set experimentalHttpRoute.baseModel=deepseek/vllm-deepseek-r1 \
  --version $IGW_CHART_VERSION \
  oci://CHARTS/inferencepool

# guide 003
helm install vllm-deepseek-r1 \
  --dependency-update \
  --set inferencePool.modelServers.matchLabels.app=vllm-deepseek-r1 \
  --set experimentalHttpRoute.enabled=true \
  --set experimentalHttpRoute.baseModel=deepseek/vllm-deepseek-r1 \
  --version $IGW_CHART_VERSION \
  oci://CHARTS/inferencepool

# guide 003
export GATEWAY_PROVIDER=gke
helm upgrade vllm-llama3-8b-instruct oci://CHARTS/inferencepool \
  --dependency-update \
  --set inferencePool.modelServers.matchLabels.app=vllm-llama3-8b-instruct \
  --set provider.name=$GATEWAY_PROVIDER \
  --set experimentalHttpRoute.enabled=true \
  --set experimentalHttpRoute.baseModel=meta-llama/Llama-3.1-8B-Instruct \
  --version $IGW_CHART_VERSION

# guide 003
export GATEWAY_PROVIDER=istio
helm upgrade vllm-llama3-8b-instruct oci://CHARTS/inferencepool \
  --dependency-update \
  --set inferencePool.modelServers.matchLabels.app=vllm-llama3-8b-instruct \
  --set provider.name=$GATEWAY_PROVIDER \
  --set experimentalHttpRoute.enabled=true \
  --set experimentalHttpRoute.baseModel=meta-llama/Llama-3.1-8B-Instruct \
  --version $IGW_CHART_VERSION

# guide 003
export GATEWAY_PROVIDER=none
helm upgrade vllm-llama3-8b-instruct oci://CHARTS/inferencepool \
  --dependency-update \
  --set inferencePool.modelServers.matchLabels.app=vllm-llama3-8b-instruct \
  --set provider.name=$GATEWAY_PROVIDER \
  --set experimentalHttpRoute.enabled=true \
  --set experimentalHttpRoute.baseModel=meta-llama/Llama-3.1-8B-Instruct \
  --version $IGW_CHART_VERSION

# guide 003
helm upgrade vllm-llama3-8b-instruct oci://CHARTS/inferencepool \
  --dependency-update \
  --set inferencePool.modelServers.matchLabels.app=vllm-llama3-8b-instruct \
  --set experimentalHttpRoute.enabled=true \
  --set experimentalHttpRoute.baseModel=meta-llama/Llama-3.1-8B-Instruct \
  --version $IGW_CHART_VERSION
