// istiod and istioctl 1.31.1. Istio's own go.mod names commits between releases, which not
// every module proxy keeps: instead its two API modules as released, and Envoy's API as of
// the Envoy that this Istio ships.
module gateway.example/istio

go 1.26.0

require istio.io/istio v0.0.0-20260916195427-190ae921b848

replace (
	github.com/envoyproxy/go-control-plane/contrib => github.com/envoyproxy/go-control-plane/contrib v1.36.1-0.20260729145720-a2d8c7492908
	github.com/envoyproxy/go-control-plane/envoy => github.com/envoyproxy/go-control-plane/envoy v1.39.0
	istio.io/api => istio.io/api v1.31.1
	istio.io/client-go => istio.io/client-go v1.31.1
)
