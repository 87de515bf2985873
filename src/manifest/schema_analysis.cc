#include "manifest/schema_text.h"

namespace serin::manifest {

namespace {

constexpr std::string_view text = R"(
record AnalysisTemplate
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        AnalysisTemplateSpec

record ClusterAnalysisTemplate
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        AnalysisTemplateSpec

record AnalysisTemplateSpec
  metrics               [Metric]@name
  args                  [Argument]@name
  dryRun                [DryRun]@metricName
  measurementRetention  [Retention]@metricName
  templates             [TemplateReference]

record Argument
  name!      filled
  value      text
  valueFrom  ArgumentSource

record ArgumentSource exactly-one(secretKeyRef fieldRef)
  secretKeyRef  SecretKey
  fieldRef      FieldReference

record SecretKey
  name!  filled
  key!   filled

record AnalysisRun
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        AnalysisRunSpec
  status       Status

record AnalysisRunSpec
  metrics!              [Metric]+@name
  args                  [Argument]@name
  terminate             bool
  dryRun                [DryRun]@metricName
  measurementRetention  [Retention]@metricName
  ttlStrategy           TtlStrategy

record TtlStrategy
  secondsAfterCompletion  int(0..)
  secondsAfterFailure     int(0..)
  secondsAfterSuccess     int(0..)

record Metric
  name!                    filled
  interval                 templated-duration
  initialDelay             templated-duration
  count                    int-or-text
  failureLimit             int-or-text
  inconclusiveLimit        int-or-text
  consecutiveErrorLimit    int-or-text
  consecutiveSuccessLimit  int-or-text
  successCondition         text
  failureCondition         text
  provider!                Provider

record Provider exactly-one(prometheus web job plugin kayenta datadog newRelic wavefront cloudWatch graphite influxdb skywalking)
  prometheus  Prometheus
  web         Web
  job         JobProvider
  plugin      MetricPlugins
  kayenta     Kayenta
  datadog     Datadog
  newRelic    NewRelic
  wavefront   Wavefront
  cloudWatch  CloudWatch
  graphite    Graphite
  influxdb    Influxdb
  skywalking  Skywalking

record MetricPlugins open
  serin/requests    SerinRequests
  serin/sequential  SerinSequential
  serin/budget      SerinBudget
  serin/kayenta     SerinKayenta
  serin/ab          SerinAb
  serin/shadow      SerinShadow
  serin/dynatrace   SerinDynatrace
  serin/googleCloudMonitoring  SerinGoogleCloudMonitoring
  serin/splunk      SerinSplunk

record SerinDynatrace
  query!     filled
  interval   templated-duration
  secretRef  DatadogSecret

record SerinGoogleCloudMonitoring
  query!     filled
  project    text
  secretRef  DatadogSecret

record SerinSplunk
  query!     filled
  interval   templated-duration
  secretRef  DatadogSecret

record SerinShadow
  methods   [text]
  headers   [text]
  ignore    [text]
  rate      any
  requests  any
  alpha     any
  timeout   text

record SerinAb
  arms      [AbArm]@name
  alpha     any
  timeout   text
  expects   text
  header    text
  good      [text]
  goodFrom  any

record AbArm
  name!     filled
  revision  text
  service   text
  weight    any

record SerinKayenta
  canaryConfig!  any
  provider       object
  control!       any
  experiment!    any
  lifetime!      text
  interval       text
  step           text
  beginAfter     text
  lookback       text
  thresholds     KayentaScores

record KayentaScores
  pass      any
  marginal  any

record SerinBudget
  requests        any
  failedRequests  any
  users           any
  duration        text
  perWindow       BudgetWindow

record BudgetWindow
  window!         text
  requests        any
  failedRequests  any
  users           any

record SerinSequential
  alpha     any
  beta      any
  holdAt    any
  warmup    text
  timeout   text
  duration  text
  steps     any
  counters  SequentialCounters
  metrics   [SequentialMetric]

record SequentialCounters
  provider  object
  interval  text

record SequentialMetric
  metric!     text
  name        text
  share       any
  margin      SequentialMargin
  passMargin  SequentialMargin
  atMost      any
  atLeast     any
  quantile    any
  header      text
  good        any
  goodFrom    any
  canary      SequentialArm
  stable      SequentialArm

record SequentialArm
  total!     any
  failed     any
  succeeded  any
  slow       any
  within     any
  converted  any

record SequentialMargin
  ratio       any
  difference  any

record SerinRequests
  metric       text
  quantile     any
  window       text
  timeout      text
  revision     text
  route        text
  service      text
  statusClass  text
  minRequests  any
  relativeTo   text
  comparison   text

record Prometheus
  address         text
  query!          filled
  timeout         int(0..)
  insecure        bool
  headers         [PrometheusHeader]
  authentication  Authentication
  rangeQuery      PrometheusRange

record PrometheusHeader
  key!    filled
  value!  text

record PrometheusRange
  start!  filled
  end!    filled
  step!   filled

record Authentication
  basicAuth  BasicAuth
  oauth2     OAuth2
  sigv4      SigV4

record BasicAuth
  username  text
  password  text

record OAuth2
  tokenUrl      text
  clientId      text
  clientSecret  text
  scopes        [text]

record SigV4
  address  text
  region   text
  profile  text
  roleArn  text

record Web
  method          enum(GET POST PUT)
  url!            filled
  headers         [PrometheusHeader]
  body            text
  jsonBody        any
  timeoutSeconds  int(0..)
  jsonPath        text
  insecure        bool
  authentication  Authentication

record JobProvider
  metadata  PodMetadata
  spec!     JobSpec

record Kayenta
  address!                   filled
  application!               filled
  canaryConfigName!          filled
  metricsAccountName!        filled
  configurationAccountName!  filled
  storageAccountName!        filled
  threshold!                 KayentaThreshold
  scopes!                    [KayentaScopes]+
  lookback                   bool

record KayentaThreshold
  pass!      int
  marginal!  int

record KayentaScopes
  name!             filled
  controlScope!     KayentaScope
  experimentScope!  KayentaScope

record KayentaScope
  scope!   text
  region!  text
  step!    int
  start    text
  end      text

record Datadog
  apiVersion  enum(v1 v2)
  interval    templated-duration
  query       text
  queries     {text}
  formula     text
  aggregator  enum(avg min max sum last percentile mean l2norm area)
  requestTimeout  templated-duration
  secretRef   DatadogSecret

record DatadogSecret
  name        text
  namespaced  bool

record NewRelic
  profile  text
  query!   filled
  timeout  int(0..)

record Wavefront
  address  text
  query!   filled

record CloudWatch
  interval           templated-duration
  metricDataQueries!  [object]+

record Graphite
  address  text
  query!   filled

record Influxdb
  profile  text
  query!   filled

record Skywalking
  address   text
  query!    filled
  interval  templated-duration

record Experiment
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        ExperimentSpec
  status       Status

record ExperimentSpec
  templates!               [ExperimentTemplate]+@name
  duration                 duration
  progressDeadlineSeconds  int(0..)
  terminate                bool
  analyses                 [ExperimentAnalysis]@name
  scaleDownDelaySeconds    int(0..)
  dryRun                   [DryRun]
  measurementRetention     [Retention]
  analysisRunMetadata      PodMetadata

record ExperimentTemplate
  name!            filled
  replicas         int(0..)
  minReadySeconds  int(0..)
  selector!        LabelSelector
  template!        PodTemplateSpec
  service          ExperimentService

record ExperimentService
  name  text

record ExperimentAnalysis
  name!                  filled
  templateName!          filled
  clusterScope           bool
  args                   [RolloutArgumentOrSecret]
  requiredForCompletion  bool

record RolloutArgumentOrSecret
  name!      filled
  value      text
  valueFrom  object
)";

}  // namespace

std::string_view schema_analysis_text() {
    return text;
}

}  // namespace serin::manifest
