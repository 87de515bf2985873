#include "manifest/schema_text.h"

namespace serin::manifest {

namespace {

constexpr std::string_view text = R"(
record ConfigMap
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  data         {text}
  binaryData   {base64}
  immutable    bool

record Secret
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  type         text
  data         {base64}
  stringData   {text}
  immutable    bool

record Namespace
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec         NamespaceSpec
  status       Status

record NamespaceSpec
  finalizers~  [text]

record Event
  apiVersion!         text
  kind!               text
  metadata!           ObjectMeta
  involvedObject!     ObjectReference
  reason              text
  message             text
  source              EventSource
  firstTimestamp      time
  lastTimestamp       time
  count               int
  type                text
  eventTime           time
  series              object
  action              text
  related             ObjectReference
  reportingComponent  text
  reportingInstance   text

record EventSource
  component  text
  host       text

record Service
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        ServiceSpec
  status       Status

record ServiceSpec
  selector                        labels
  ports                           [ServicePort]
  type                            enum(ClusterIP NodePort LoadBalancer ExternalName)
  clusterIP~                      text
  clusterIPs~                     [text]
  externalIPs~                    [text]
  sessionAffinity                 enum(None ClientIP)
  sessionAffinityConfig~          object
  externalName~                   text
  externalTrafficPolicy~          enum(Cluster Local)
  internalTrafficPolicy~          enum(Cluster Local)
  healthCheckNodePort~            int
  publishNotReadyAddresses~       bool
  ipFamilies~                     [text]
  ipFamilyPolicy~                 text
  allocateLoadBalancerNodePorts~  bool
  loadBalancerClass~              text
  loadBalancerIP~                 text
  loadBalancerSourceRanges~       [text]
  trafficDistribution~            text

record ServicePort
  name          label-name
  port!         int(1..65535)
  targetPort    int-or-text
  protocol      enum(TCP UDP SCTP)
  nodePort~     int(0..65535)
  appProtocol~  text

record PodTemplate
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  template!    PodTemplateSpec

record ReplicaSet
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        ReplicaSetSpec
  status       Status

record ReplicaSetSpec
  replicas         int(0..)
  minReadySeconds  int(0..)
  selector!        LabelSelector
  template!        PodTemplateSpec

record Deployment
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        DeploymentSpec
  status       Status

record DeploymentSpec
  replicas                 int(0..)
  selector!                LabelSelector
  template!                PodTemplateSpec
  strategy                 DeploymentStrategy
  minReadySeconds          int(0..)
  revisionHistoryLimit     int(0..)
  progressDeadlineSeconds  int(0..)
  paused                   bool

record DeploymentStrategy
  type           enum(RollingUpdate Recreate)
  rollingUpdate  RollingUpdate

record Job
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        JobSpec
  status       Status

record JobSpec
  template!                PodTemplateSpec
  backoffLimit             int(0..)
  activeDeadlineSeconds    int(1..)
  completions              int(1..)
  parallelism              int(0..)
  ttlSecondsAfterFinished  int(0..)
  completionMode~          enum(NonIndexed)
  manualSelector~          bool
  podReplacementPolicy~    enum(Failed TerminatingOrFailed)
  selector~                LabelSelector

record RollingUpdate
  maxSurge        int-or-percent
  maxUnavailable  int-or-percent
)";

}  // namespace

std::string_view schema_core_text() {
    return text;
}

}  // namespace serin::manifest
