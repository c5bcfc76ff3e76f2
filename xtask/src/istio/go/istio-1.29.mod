// istiod and istioctl 1.29.2. Istio's own go.mod names commits between releases of its two
// API modules, which not every module proxy keeps; these are the releases made of them.
module gateway.example/istio

go 1.26.0

require istio.io/istio v0.0.0-20260409200358-0c774325b938

replace (
	istio.io/api => istio.io/api v1.29.2
	istio.io/client-go => istio.io/client-go v1.29.2
)
