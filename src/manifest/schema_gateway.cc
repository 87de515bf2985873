#include "manifest/schema_text.h"

namespace serin::manifest {

namespace {

constexpr std::string_view text = R"(
record GatewayClass
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        GatewayClassSpec
  status       Status

record GatewayClassSpec
  controllerName!  filled
  description~     text
  parametersRef~   object

record Gateway
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        GatewaySpec
  status       Status

record GatewaySpec
  gatewayClassName!  filled
  listeners!         [Listener]+@name
  addresses          [GatewayAddress]
  infrastructure~    object
  backendTLS         object
  allowedListeners~  object
  tls                object

record GatewayAddress
  type   text
  value  text

record Listener
  name!          subdomain
  hostname       text
  port!          int(1..65535)
  protocol!      filled
  tls            ListenerTls
  allowedRoutes  AllowedRoutes

record ListenerTls
  mode                 enum(Terminate Passthrough)
  certificateRefs      [SecretReference]
  options~             {text}
  frontendValidation   object

record SecretReference
  group      text
  kind       text
  name!      filled
  namespace  text

record AllowedRoutes
  namespaces  RouteNamespaces
  kinds~      [object]

record RouteNamespaces
  from      enum(All Selector Same None)
  selector  LabelSelector

record HTTPRoute
  apiVersion!  text
  kind!        text
  metadata!    ObjectMeta
  spec!        HttpRouteSpec
  status       Status

record HttpRouteSpec
  parentRefs          [ParentReference]
  hostnames           [filled]
  rules               [HttpRouteRule]
  useDefaultGateways~  text

record ParentReference
  group        text
  kind         text
  namespace    text
  name!        filled
  sectionName  text
  port         int(1..65535)

record HttpRouteRule
  name                label-name
  matches             [HttpMatch]
  filters             [HttpFilter]
  backendRefs         [HttpBackend]
  timeouts            HttpTimeouts
  retry~              object
  sessionPersistence  object

record HttpTimeouts
  request          duration
  backendRequest   duration

record HttpMatch
  path         PathMatch
  headers      [ValueMatch]
  queryParams  [ValueMatch]
  method       enum(GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH)

record PathMatch
  type   enum(Exact PathPrefix RegularExpression)
  value  text

record ValueMatch
  type    enum(Exact RegularExpression)
  name!   filled
  value!  filled

record HttpFilter exactly-one(requestHeaderModifier responseHeaderModifier requestMirror requestRedirect urlRewrite extensionRef cors externalAuth)
  type!                   enum(RequestHeaderModifier ResponseHeaderModifier RequestMirror RequestRedirect URLRewrite ExtensionRef CORS ExternalAuth)
  requestHeaderModifier   HeaderModifier
  responseHeaderModifier  HeaderModifier
  requestMirror           RequestMirror
  requestRedirect         RequestRedirect
  urlRewrite              UrlRewrite
  extensionRef            object
  cors                    object
  externalAuth            object

record RequestMirror at-most-one(percent fraction)
  backendRef!  MirrorBackend
  percent      int(0..100)
  fraction     MirrorFraction

record MirrorBackend
  group      text
  kind       text
  name!      filled
  namespace  text
  port       int(1..65535)

record MirrorFraction
  numerator!   int(0..)
  denominator  int(1..)

record HeaderModifier
  set     [RouteHeader]@name
  add     [RouteHeader]@name
  remove  [filled]

record RouteHeader
  name!   filled
  value!  text

record RequestRedirect
  scheme      enum(http https)
  hostname    text
  path        PathModifier
  port        int(1..65535)
  statusCode  int

record UrlRewrite
  hostname  text
  path      PathModifier

record PathModifier
  type!               enum(ReplaceFullPath ReplacePrefixMatch)
  replaceFullPath     text
  replacePrefixMatch  text

record HttpBackend
  group      text
  kind       text
  name!      filled
  namespace  text
  port       int(1..65535)
  weight     int(0..1000000)
  filters    [HttpFilter]
)";

}  // namespace

std::string_view schema_gateway_text() {
    return text;
}

}  // namespace serin::manifest
