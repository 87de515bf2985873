#include "cli/controllers.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace serin::cli {

Result<std::vector<Object>> list_in(Api& api, const ResourceType& type, const std::string& ns) {
    SERIN_TRY(const std::string body, api.read(api.path_of(ObjectKey{&type, ns, ""})));
    SERIN_TRY(const json::Value list, json::parse(body));
    std::vector<Object> objects;
    const json::Array* items = json::array(json::find(list, "/items"));
    if (!items) return objects;
    for (const json::Value& item : *items) {
        if (!item.is_object()) continue;
        Object object(item.get_object());
        // Items of a list may leave these out; the list's type is theirs.
        object.put("/apiVersion", json::string(type.api_version()));
        object.put("/kind", json::string(type.kind));
        objects.push_back(std::move(object));
    }
    return objects;
}

Result<std::vector<Object>> list_rollouts(
    Api& api, const std::vector<std::string>& names, bool all_namespaces) {
    if (names.empty()) return api.list(types::rollout(), "", all_namespaces);
    std::vector<Object> rollouts;
    for (const std::string& name : names) {
        SERIN_TRY(Object rollout, api.get(types::rollout(), name));
        rollouts.push_back(std::move(rollout));
    }
    return rollouts;
}

Result<std::vector<ObjectKey>> running_argo(Api& api) {
    SERIN_TRY(
        const std::vector<Object> deployments,
        api.list(types::deployment(), "app.kubernetes.io/name=argo-rollouts", true));
    std::vector<ObjectKey> running;
    for (const Object& one : deployments) {
        // The chart's dashboard has the same name, and changes nothing by itself.
        const auto component = one.label("app.kubernetes.io/component").value_or("");
        if (component.find("dashboard") != std::string_view::npos) continue;
        const bool has_pods = one.integer("/spec/replicas", 1) > 0 ||
                              one.integer("/status/replicas") > 0;  // On their way out.
        if (has_pods) running.push_back(one.key());
    }
    return running;
}

Result<std::optional<std::string>> find_leader(Api& api) {
    const auto body = api.read("/apis/coordination.k8s.io/v1/leases");
    if (!body) {
        if (body.error().kind == ErrorKind::not_found) return std::nullopt;
        return std::unexpected(body.error());
    }
    SERIN_TRY(const json::Value list, json::parse(*body));
    const json::Array* items = json::array(json::find(list, "/items"));
    if (!items) return std::nullopt;
    for (const json::Value& item : *items) {
        if (json::text(json::find(item, "/metadata/name")) != "serin-controller") continue;
        const auto holder = json::text(json::find(item, "/spec/holderIdentity")).value_or("");
        const auto renewed =
            parse_time(json::text(json::find(item, "/spec/renewTime")).value_or(""));
        const std::chrono::seconds valid{
            json::integer(json::find(item, "/spec/leaseDurationSeconds")).value_or(0)};
        if (holder.empty() || !renewed || *renewed + valid < api.now()) continue;
        return fmt::format(
            "{}/{}", json::text(json::find(item, "/metadata/namespace")).value_or(""), holder);
    }
    return std::nullopt;
}

std::string scale_command(const ObjectKey& deployment, int replicas) {
    return fmt::format(
        "kubectl -n {} scale deployment/{} --replicas={}",
        deployment.ns,
        deployment.name,
        replicas);
}

}  // namespace serin::cli
