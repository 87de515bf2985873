#include "manifest/schema_text.h"

namespace serin::manifest {

namespace {

constexpr std::string_view text = R"(
record Rollout
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        RolloutSpec
  status       RolloutStatus

record RolloutSpec
  replicas                 int(0..)
  selector                 LabelSelector
  template                 PodTemplateSpec
  workloadRef              WorkloadReference
  minReadySeconds          int(0..)
  revisionHistoryLimit     int(0..)
  progressDeadlineSeconds  int(0..)
  progressDeadlineAbort    bool
  paused                   bool
  restartAt                time
  rollbackWindow           RollbackWindow
  analysis                 AnalysisHistory
  strategy!                Strategy

record WorkloadReference
  apiVersion!  filled
  kind!        filled
  name!        filled
  scaleDown    enum(never onsuccess progressively)

record RollbackWindow
  revisions  int(0..)

record AnalysisHistory
  successfulRunHistoryLimit    int(0..)
  unsuccessfulRunHistoryLimit  int(0..)

record Strategy exactly-one(blueGreen canary)
  blueGreen  BlueGreen
  canary     Canary

record PodMetadata
  labels       labels
  annotations  annotations

record AntiAffinity exactly-one(requiredDuringSchedulingIgnoredDuringExecution preferredDuringSchedulingIgnoredDuringExecution)
  requiredDuringSchedulingIgnoredDuringExecution   object
  preferredDuringSchedulingIgnoredDuringExecution  PreferredAntiAffinity

record PreferredAntiAffinity
  weight!  int(1..100)

record BlueGreen
  activeService!               service-name
  previewService               service-name
  previewReplicaCount          int(0..)
  autoPromotionEnabled         bool
  autoPromotionSeconds         int(0..)
  scaleDownDelaySeconds        int(0..)
  scaleDownDelayRevisionLimit  int(0..)
  abortScaleDownDelaySeconds   int(0..)
  maxUnavailable               int-or-percent
  prePromotionAnalysis         RolloutAnalysis
  postPromotionAnalysis        RolloutAnalysis
  antiAffinity                 AntiAffinity
  activeMetadata               PodMetadata
  previewMetadata              PodMetadata

record Canary
  canaryService                service-name
  stableService                service-name
  steps                        [Step]
  trafficRouting               TrafficRouting
  maxSurge                     int-or-percent
  maxUnavailable               int-or-percent
  analysis                     BackgroundAnalysis
  antiAffinity                 AntiAffinity
  canaryMetadata               PodMetadata
  stableMetadata               PodMetadata
  scaleDownDelaySeconds        int(0..)
  scaleDownDelayRevisionLimit  int(0..)
  abortScaleDownDelaySeconds   int(0..)
  dynamicStableScale           bool
  pingPong                     PingPong
  minPodsPerReplicaSet         int(1..)
  replicaProgressThreshold     ProgressThreshold

record PingPong
  pingService!  service-name
  pongService!  service-name

record ProgressThreshold
  type!   enum(Percent Pods)
  value!  int(0..)

record RolloutAnalysis
  templates             [TemplateReference]
  args                  [RolloutArgument]
  dryRun                [DryRun]
  measurementRetention  [Retention]
  analysisRunMetadata   PodMetadata

record BackgroundAnalysis
  templates             [TemplateReference]
  args                  [RolloutArgument]
  dryRun                [DryRun]
  measurementRetention  [Retention]
  analysisRunMetadata   PodMetadata
  startingStep          int(0..)

record TemplateReference
  templateName!  filled
  clusterScope   bool

record RolloutArgument
  name!      filled
  value      text
  valueFrom  RolloutArgumentSource

record RolloutArgumentSource exactly-one(podTemplateHashValue fieldRef)
  podTemplateHashValue  enum(Stable Latest)
  fieldRef              FieldReference

record DryRun
  metricName!  filled

record Retention
  metricName!  filled
  limit!       int(1..)

record Step exactly-one(setWeight pause setCanaryScale analysis experiment setHeaderRoute setMirrorRoute plugin)
  setWeight       int(0..)
  pause           Pause
  setCanaryScale  CanaryScale
  analysis        RolloutAnalysis
  experiment      StepExperiment
  setHeaderRoute  HeaderRoute
  setMirrorRoute  MirrorRoute
  plugin          StepPlugin

record Pause
  duration  int-or-text

record CanaryScale exactly-one(replicas weight matchTrafficWeight)
  replicas            int(0..)
  weight              int(0..)
  matchTrafficWeight  bool

record StepExperiment
  templates!             [StepExperimentTemplate]+@name
  duration               duration
  analyses               [ExperimentAnalysis]@name
  dryRun                 [DryRun]
  analysisRunMetadata    PodMetadata
  scaleDownDelaySeconds  int(0..)

record StepExperimentTemplate
  name!     filled
  specRef!  enum(canary stable)
  replicas  int(0..)
  weight    int(0..)
  metadata  PodMetadata
  selector  LabelSelector
  service   ExperimentService

record HeaderRoute
  name!  filled
  match  [HeaderMatch]

record HeaderMatch
  headerName!   filled
  headerValue!  StringMatch

record StringMatch exactly-one(exact prefix regex)
  exact   text
  prefix  text
  regex   text

record MirrorRoute
  name!       filled
  match       [MirrorMatch]
  percentage  int(0..100)

record MirrorMatch
  method   StringMatch
  path     StringMatch
  headers  {StringMatch}

record StepPlugin
  name!   filled
  config  any

record TrafficRouting
  istio             Istio
  nginx             Nginx
  alb               Alb
  smi               Smi
  ambassador        Ambassador
  appMesh           AppMesh
  traefik           Traefik
  apisix            Apisix
  plugins           RouterPlugins
  managedRoutes     [ManagedRoute]@name
  maxTrafficWeight  int(1..)

record RouterPlugins open
  argoproj-labs/gatewayAPI  GatewayApiRouter

record GatewayApiRouter
  httpRoute               filled
  namespace               filled
  httpRoutes              [GatewayApiRoute]@name
  httpRouteSelector       LabelSelector
  grpcRoute               filled
  grpcRoutes              [GatewayApiRoute]@name
  grpcRouteSelector       LabelSelector
  tcpRoute                filled
  tcpRoutes               [GatewayApiRoute]@name
  tcpRouteSelector        LabelSelector
  tlsRoute                filled
  tlsRoutes               [GatewayApiRoute]@name
  tlsRouteSelector        LabelSelector
  disableInProgressLabel  bool
  inProgressLabelKey      text
  inProgressLabelValue    text

record GatewayApiRoute
  name!            filled
  useHeaderRoutes  bool

record ManagedRoute
  name!  filled

record Istio at-most-one(virtualService virtualServices)
  virtualService   VirtualService
  virtualServices  [VirtualService]
  destinationRule  DestinationRule

record VirtualService
  name!      filled
  routes     [text]
  tlsRoutes  [TlsRoute]
  tcpRoutes  [TcpRoute]

record TlsRoute
  port      int(0..65535)
  sniHosts  [text]

record TcpRoute
  port  int(0..65535)

record DestinationRule
  name!                  filled
  canarySubsetName!      filled
  stableSubsetName!      filled
  additionalSubsetNames  [text]

record Nginx at-most-one(stableIngress stableIngresses)
  stableIngress                 text
  stableIngresses               [text]
  annotationPrefix              text
  additionalIngressAnnotations  {text}
  canaryIngressAnnotations      {text}

record Alb at-most-one(ingress ingresses)
  ingress           text
  ingresses         [text]
  servicePort!      int(1..65535)
  rootService       text
  annotationPrefix  text
  stickinessConfig  Stickiness

record Stickiness
  enabled!          bool
  durationSeconds!  int(1..604800)

record Smi
  rootService       text
  trafficSplitName  text

record Ambassador
  mappings!  [filled]+

record AppMesh
  virtualService!    AppMeshService
  virtualNodeGroup!  AppMeshNodes

record AppMeshService
  name!   filled
  routes  [text]

record AppMeshNodes
  canaryVirtualNodeRef!  AppMeshNode
  stableVirtualNodeRef!  AppMeshNode

record AppMeshNode
  name!  filled

record Traefik
  weightedTraefikServiceName!  filled

record Apisix
  route  ApisixRoute

record ApisixRoute
  name!  filled
  rules  [text]

record RolloutStatus open
  abort                      bool
  abortedAt                  time
  pauseConditions            [PauseCondition]
  controllerPause            bool
  promoteFull                bool
  currentPodHash             text
  currentStepHash            text
  currentStepIndex           int(0..)
  stableRS                   text
  replicas                   int(0..)
  updatedReplicas            int(0..)
  readyReplicas              int(0..)
  availableReplicas          int(0..)
  HPAReplicas                int(0..)
  selector                   text
  collisionCount             int(0..)
  observedGeneration         text
  workloadObservedGeneration  text
  conditions                 [object]
  restartedAt                time
  phase                      text
  message                    text
  canary                     object
  blueGreen                  object
  alb                        object
  albs                       [object]
  duration                   object

record PauseCondition
  reason!    filled
  startTime  time
)";

}  // namespace

std::string_view schema_rollout_text() {
    return text;
}

}  // namespace serin::manifest
