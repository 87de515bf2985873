#include "manifest/schema_text.h"

namespace serin::manifest {

namespace {

constexpr std::string_view text = R"(
record ObjectMeta
  name                        subdomain
  generateName                text
  namespace                   label-name
  labels                      labels
  annotations                 annotations
  finalizers                  [filled]
  ownerReferences             [OwnerReference]@uid
  uid                         text
  resourceVersion             text
  generation                  int
  creationTimestamp           time
  deletionTimestamp           time
  deletionGracePeriodSeconds  int
  selfLink                    text
  managedFields               [object]

record OwnerReference
  apiVersion!          filled
  kind!                filled
  name!                filled
  uid!                 filled
  controller           bool
  blockOwnerDeletion   bool

record LabelSelector
  matchLabels       labels
  matchExpressions  [LabelRequirement]

record LabelRequirement
  key!       filled
  operator!  enum(In NotIn Exists DoesNotExist)
  values     [text]

record ObjectReference
  apiVersion       text
  kind             text
  namespace        text
  name             text
  uid              text
  resourceVersion  text
  fieldPath        text

record Status open
  conditions  [object]

record TemplateMeta
  name               text
  generateName       text
  namespace          text
  labels             labels
  annotations        annotations
  creationTimestamp  time
  finalizers         [text]
)";

}  // namespace

std::string_view schema_meta_text() {
    return text;
}

}  // namespace serin::manifest
