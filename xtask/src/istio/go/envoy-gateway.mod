// The CRDs of the oldest Envoy Gateway that docs/envoy-gateway.md names.
module gateway.example/envoy-gateway

go 1.26.0

require github.com/envoyproxy/gateway v1.6.0
