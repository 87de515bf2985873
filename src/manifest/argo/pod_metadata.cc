#include "manifest/argo/pod_metadata.h"

#include "manifest/argo/hash.h"
#include "manifest/argo/names.h"

#include <utility>

namespace serin::argo {

namespace {

using Texts = std::map<std::string, std::string>;

constexpr std::string_view required = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr std::string_view preferred = "preferredDuringSchedulingIgnoredDuringExecution";

Texts read_texts(const json::Value* value) {
    Texts texts;
    const json::Object* object = json::object(value);
    if (!object) return texts;
    for (const auto& member : *object) {
        if (const auto text = json::text(&member.value())) {
            texts.emplace(
                std::string(member.key().data(), member.key().size()), std::string(*text));
        }
    }
    return texts;
}

json::Object to_json(const Texts& texts) {
    json::Object object;
    for (const auto& [name, text] : texts) object[name] = json::string(text);
    return object;
}

// Whether the term keeps away from a revision: only Serin writes such.
bool is_added(const json::Value& term) {
    const json::Value* direct = json::find(term, "/podAffinityTerm");
    const json::Value& plain = direct ? *direct : term;
    const json::Array* expressions =
        json::array(json::find(plain, "/labelSelector/matchExpressions"));
    return expressions && expressions->size() == 1 &&
           json::text(json::find((*expressions)[0], "/key")) == label_hash;
}

// Leaves nothing empty behind that was not there before.
void remove_anti_affinity(json::Object& pod_template) {
    const std::string affinity = "/spec/affinity";
    const std::string pods = affinity + "/podAntiAffinity";
    for (const std::string_view when : {required, preferred}) {
        const std::string pointer = pods + "/" + std::string(when);
        const json::Array* terms = json::array(json::find(pod_template, pointer));
        if (!terms) continue;
        json::Array kept;
        for (const json::Value& term : *terms) {
            if (!is_added(term)) kept.push_back(term);
        }
        if (kept.size() == terms->size()) continue;
        if (!kept.empty()) {
            json::put(pod_template, pointer, std::move(kept));
            continue;
        }
        json::erase(pod_template, pointer);
        for (const std::string& parent : {pods, affinity}) {
            const json::Object* object = json::object(json::find(pod_template, parent));
            if (object && object->empty()) json::erase(pod_template, parent);
        }
    }
}

void erase_all(json::Object& pod_template, std::string_view member, const Texts& texts) {
    for (const auto& [name, text] : texts) {
        json::erase(
            pod_template, "/metadata/" + std::string(member) + "/" + json::escape_pointer(name));
    }
}

}  // namespace

PodMetadata read_pod_metadata(const json::Value* value) {
    if (!value) return {};
    return {
        .labels = read_texts(json::find(*value, "/labels")),
        .annotations = read_texts(json::find(*value, "/annotations"))};
}

PodMetadata added_metadata(const Object& group) {
    const auto text = group.annotation(annotation_pod_metadata);
    if (!text) return {};
    const auto value = json::parse(*text);
    return value ? read_pod_metadata(&*value) : PodMetadata{};
}

json::Object to_json(const PodMetadata& metadata) {
    json::Object object;
    if (!metadata.labels.empty()) object["labels"] = to_json(metadata.labels);
    if (!metadata.annotations.empty()) object["annotations"] = to_json(metadata.annotations);
    return object;
}

void check_pod_metadata(
    const PodMetadata& metadata,
    const Object& rollout,
    const std::string& path,
    std::vector<Diagnostic>& diagnostics) {
    const auto check = [&](const char* member, const Texts& texts) {
        for (const auto& [name, text] : texts) {
            const std::string pointer =
                std::string("/spec/template/metadata/") + member + "/" + json::escape_pointer(name);
            if (!rollout.find(pointer) && name != label_hash) continue;
            Diagnostic diagnostic;
            diagnostic.path = path + "." + member + "." + name;
            diagnostic.message = "the pod template has it already";
            diagnostic.suggestion = "use another name, or take it out of spec.template";
            diagnostics.push_back(std::move(diagnostic));
        }
    };
    check("labels", metadata.labels);
    check("annotations", metadata.annotations);
}

void add_anti_affinity(
    const json::Object& anti_affinity, std::string_view stable, json::Value& pod_template) {
    const bool is_required = anti_affinity.contains(required);
    const std::string_view when = is_required ? required : preferred;
    json::Value term = json::Object{
        {"labelSelector",
         json::Object{
             {"matchExpressions",
              json::Array{json::Object{
                  {"key", json::string(label_hash)},
                  {"operator", "In"},
                  {"values", json::Array{json::string(stable)}}}}}}},
        {"topologyKey", "kubernetes.io/hostname"}};
    if (!is_required) {
        const json::Value* wish = anti_affinity.if_contains(preferred);
        const auto weight = wish ? json::integer(json::find(*wish, "/weight")) : std::nullopt;
        term = json::Object{{"weight", weight.value_or(100)}, {"podAffinityTerm", std::move(term)}};
    }
    json::Object* object = pod_template.if_object();
    if (!object) return;
    const std::string pointer = "/spec/affinity/podAntiAffinity/" + std::string(when);
    json::Array terms;
    if (const json::Array* own = json::array(json::find(*object, pointer))) terms = *own;
    terms.push_back(std::move(term));
    json::put(*object, pointer, std::move(terms));
}

json::Value plain_template(const Object& group) {
    const json::Value* found = group.find("/spec/template");
    if (!found || !found->is_object()) return found ? *found : json::Value();
    json::Object plain = found->as_object();
    const PodMetadata added = added_metadata(group);
    erase_all(plain, "labels", added.labels);
    erase_all(plain, "annotations", added.annotations);
    remove_anti_affinity(plain);
    return plain;
}

bool has_plain_template(const Object& group, const json::Value& pod_template) {
    const json::Value* found = group.find("/spec/template");
    const bool is_plain = !group.annotation(annotation_pod_metadata) &&
                          !group.find("/spec/template/spec/affinity/podAntiAffinity");
    // Nearly always; and this is asked of every revision at every turn.
    if (found && is_plain) return is_same_template(*found, pod_template);
    return is_same_template(plain_template(group), pod_template);
}

}  // namespace serin::argo
