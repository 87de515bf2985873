#include "manifest/admission.h"

#include "manifest/argo/routers.h"
#include "manifest/defaults.h"
#include "manifest/findings.h"
#include "manifest/validate.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

namespace serin::manifest {

namespace {

bool are_same(const json::Value* left, const json::Value* right) {
    if (!left || !right) return left == right;
    return json::same(*left, *right);
}

bool is_equal_at(const Object& object, const Object& old, std::string_view pointer) {
    return are_same(object.find(pointer), old.find(pointer));
}

// Everything besides metadata and status, with defaults on both sides.
bool is_content_same(const Object& object, const Object& old) {
    const auto has_all = [](const Object& left, const Object& right) {
        for (const auto& member : left.document()) {
            const std::string_view key(member.key().data(), member.key().size());
            if (key == "metadata" || key == "status") continue;
            if (!are_same(&member.value(), right.document().if_contains(key))) return false;
        }
        return true;
    };
    return has_all(object, old) && has_all(old, object);
}

void check_immutable(const Object& object, const Object& old, Findings& findings) {
    const std::string_view kind = object.kind();
    const auto keep = [&](std::string_view pointer) {
        if (!old.find(pointer) || is_equal_at(object, old, pointer)) return;
        findings.error(
            pointer, "field is immutable", "delete the object and create it again to change it");
    };
    if (kind == "Rollout" || kind == "ReplicaSet" || kind == "Deployment") keep("/spec/selector");
    if (kind == "Secret") keep("/type");
    if (kind == "GatewayClass") keep("/spec/controllerName");
    if (!old.boolean("/immutable")) return;
    for (const char* pointer : {"/data", "/binaryData", "/immutable"}) {
        if (is_equal_at(object, old, pointer)) continue;
        findings.error(pointer, "field is immutable when `immutable` is set");
    }
}

bool is_about_envelope(const Diagnostic& diagnostic) {
    return diagnostic.path.starts_with("metadata") || diagnostic.path.starts_with("status");
}

// What is sound on a cluster has nobody to carry it out here.
std::optional<Diagnostic> refuse_router(const Object& object) {
    if (object.type() != &types::rollout()) return std::nullopt;
    return argo::refuse_on_one_machine(object.document());
}

}  // namespace

std::vector<Diagnostic> ManifestAdmission::review(Object& object, const Object* old) const {
    std::vector<Diagnostic> found = validate(object);
    if (old && is_content_same(object, *old)) {
        std::erase_if(found, [](const Diagnostic& one) { return !is_about_envelope(one); });
        return found;
    }
    if (auto refused = refuse_router(object)) found.push_back(*std::move(refused));
    if (has_errors(found)) return found;

    apply_defaults(object);
    if (old) {
        Findings findings(object.document(), nullptr);
        check_immutable(object, *old, findings);
        for (Diagnostic& one : findings.take()) found.push_back(std::move(one));
    }
    return found;
}

}  // namespace serin::manifest
