#include "manifest/schema_text.h"

namespace serin::manifest {

namespace {

constexpr std::string_view text = R"(
record Pod
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        PodSpec
  status       Status

record PodTemplateSpec
  metadata  TemplateMeta
  spec!     PodSpec

record PodSpec
  containers!                     [Container]+@name
  initContainers                  [Container]@name
  restartPolicy                   enum(Always OnFailure Never)
  terminationGracePeriodSeconds   int(0..)
  readinessGates                  [ReadinessGate]
  nodeName                        text
  serviceAccountName              text
  serviceAccount                  text
  volumes~                        [Volume]@name
  activeDeadlineSeconds~          int(1..)
  affinity~                       object
  automountServiceAccountToken~   bool
  dnsConfig~                      object
  dnsPolicy~                      enum(ClusterFirst ClusterFirstWithHostNet Default None)
  enableServiceLinks~             bool
  ephemeralContainers~            [object]
  hostAliases~                    [object]
  hostIPC~                        bool
  hostNetwork~                    bool
  hostPID                         bool
  hostUsers~                      bool
  hostname~                       text
  hostnameOverride~               text
  imagePullSecrets~               [LocalReference]
  nodeSelector~                   {text}
  os~                             object
  overhead~                       {quantity}
  preemptionPolicy~               text
  priority~                       int
  priorityClassName~              text
  resourceClaims~                 [object]
  resources~                      Resources
  runtimeClassName~               text
  schedulerName~                  text
  schedulingGates                 [object]
  securityContext~                object
  setHostnameAsFQDN~              bool
  shareProcessNamespace~          bool
  subdomain~                      text
  tolerations~                    [object]
  topologySpreadConstraints~      [object]

record ReadinessGate
  conditionType!  filled

record LocalReference
  name  text

record Container
  name!                      label-name
  image                      filled
  command                    [text]
  args                       [text]
  env                        [EnvVar]
  envFrom                    [EnvFrom]
  ports                      [ContainerPort]
  readinessProbe             Probe
  livenessProbe              Probe
  startupProbe               Probe
  lifecycle                  Lifecycle
  workingDir                 text
  restartPolicy              enum(Always OnFailure Never)
  imagePullPolicy~           enum(Always IfNotPresent Never)
  resources~                 Resources
  resizePolicy~              [object]
  restartPolicyRules~        [object]
  securityContext~           object
  stdin~                     bool
  stdinOnce~                 bool
  terminationMessagePath~    text
  terminationMessagePolicy~  enum(File FallbackToLogsOnError)
  tty~                       bool
  volumeDevices~             [object]
  volumeMounts               [VolumeMount]

record EnvVar
  name!      filled
  value      text
  valueFrom  EnvSource

record EnvSource exactly-one(fieldRef configMapKeyRef secretKeyRef resourceFieldRef)
  fieldRef          FieldReference
  configMapKeyRef   KeyReference
  secretKeyRef      KeyReference
  resourceFieldRef  object

record FieldReference
  apiVersion   text
  fieldPath!   filled

record KeyReference
  name!     filled
  key!      key
  optional  bool

record EnvFrom exactly-one(configMapRef secretRef)
  prefix        text
  configMapRef  SourceReference
  secretRef     SourceReference

record SourceReference
  name!     filled
  optional  bool

record ContainerPort
  name            port-name
  containerPort!  int(1..65535)
  protocol        enum(TCP UDP SCTP)
  hostPort~       int(0..65535)
  hostIP~         text

record Probe exactly-one(httpGet tcpSocket exec grpc)
  httpGet                        HttpGet
  tcpSocket                      TcpSocket
  exec                           Exec
  grpc                           object
  initialDelaySeconds            int(0..)
  periodSeconds                  int(1..)
  timeoutSeconds                 int(1..)
  successThreshold               int(1..)
  failureThreshold               int(1..)
  terminationGracePeriodSeconds  int(1..)

record HttpGet
  port!        int-or-text
  path         text
  host         text
  scheme       enum(HTTP HTTPS)
  httpHeaders  [HttpHeader]

record HttpHeader
  name!   filled
  value!  text

record TcpSocket
  port!  int-or-text
  host   text

record Exec
  command  [text]

record Lifecycle
  preStop     Handler
  postStart   Handler
  stopSignal  enum(SIGTERM SIGINT SIGQUIT SIGHUP SIGUSR1 SIGUSR2 SIGWINCH SIGABRT SIGALRM SIGPIPE SIGCONT SIGKILL)

record Handler exactly-one(httpGet tcpSocket exec sleep)
  httpGet    HttpGet
  tcpSocket  TcpSocket
  exec       Exec
  sleep      Sleep

record Sleep
  seconds!  int(0..)

record Resources
  limits~    {quantity}
  requests~  {quantity}
  claims~    [object]

record Volume
  name!                   label-name
  awsElasticBlockStore~   object
  azureDisk~              object
  azureFile~              object
  cephfs~                 object
  cinder~                 object
  configMap~              object
  csi~                    object
  downwardAPI~            object
  emptyDir~               object
  ephemeral~              object
  fc~                     object
  flexVolume~             object
  flocker~                object
  gcePersistentDisk~      object
  gitRepo~                object
  glusterfs~              object
  hostPath~               object
  image~                  object
  iscsi~                  object
  nfs~                    object
  persistentVolumeClaim~  object
  photonPersistentDisk~   object
  portworxVolume~         object
  projected~              object
  quobyte~                object
  rbd~                    object
  scaleIO~                object
  secret~                 object
  storageos~              object
  vsphereVolume~          object

record VolumeMount
  name!               filled
  mountPath!          filled
  subPath~            text
  subPathExpr~        text
  readOnly~           bool
  recursiveReadOnly~  text
  mountPropagation~   text
)";

}  // namespace

std::string_view schema_pod_text() {
    return text;
}

}  // namespace serin::manifest
