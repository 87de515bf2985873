# shellcheck shell=bash
# A release without pods, to be sourced: idle_rollout N.

idle_rollout() { # idle_rollout N: its Rollout, Services and HTTPRoute
  cat <<MANIFEST
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop-$1}
spec:
  replicas: 0
  selector: {matchLabels: {app: shop-$1}}
  strategy:
    canary:
      stableService: shop-$1-stable
      canaryService: shop-$1-canary
      trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: shop-$1}}}
      steps: [{setWeight: 5}, {pause: {}}, {setWeight: 50}, {pause: {}}]
  template:
    metadata: {labels: {app: shop-$1}}
    spec: {containers: [{name: shop, image: "shop:v1", ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop-$1-stable}
spec: {selector: {app: shop-$1}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop-$1-canary}
spec: {selector: {app: shop-$1}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop-$1}
spec:
  parentRefs: [{name: edge}]
  hostnames: [shop-$1.example]
  rules: [{backendRefs: [{name: shop-$1-stable, port: 80, weight: 100}, {name: shop-$1-canary, port: 80, weight: 0}]}]
MANIFEST
}
