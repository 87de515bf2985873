#include "manifest/deployment/lower.h"

#include "manifest/argo/hash.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <string_view>

namespace serin::deployment {

namespace {

int count_at(const Object& deployment, std::string_view pointer, int otherwise) {
    const auto number = json::integer(deployment.find(pointer));
    if (!number) return otherwise;
    return static_cast<int>(std::clamp<std::int64_t>(*number, 0, std::numeric_limits<int>::max()));
}

Amount amount_at(const Object& deployment, std::string_view pointer) {
    const json::Value* value = deployment.find(pointer);
    if (json::integer(value)) return {count_at(deployment, pointer, 0), false};
    std::string_view text = json::text(value).value_or("25%");
    if (text.ends_with('%')) text.remove_suffix(1);
    int percent = 25;
    std::from_chars(text.data(), text.data() + text.size(), percent);
    return {std::max(0, percent), true};
}

}  // namespace

Lowered lower(const Object& deployment) {
    using std::chrono::seconds;
    Lowered lowered;
    lowered.replicas = count_at(deployment, "/spec/replicas", 1);
    Plan& plan = lowered.plan;
    plan.steps_digest = argo::steps_digest(nullptr);
    plan.surge = amount_at(deployment, "/spec/strategy/rollingUpdate/maxSurge");
    plan.unavailable = amount_at(deployment, "/spec/strategy/rollingUpdate/maxUnavailable");
    plan.recreates = deployment.text("/spec/strategy/type") == "Recreate";
    plan.ready_for = seconds(count_at(deployment, "/spec/minReadySeconds", 0));
    plan.progress_deadline = seconds(count_at(deployment, "/spec/progressDeadlineSeconds", 600));
    plan.revisions_kept = count_at(deployment, "/spec/revisionHistoryLimit", 10);
    plan.is_held = deployment.boolean("/spec/paused");
    plan.scales_while_held = true;
    return lowered;
}

}  // namespace serin::deployment
