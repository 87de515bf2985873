#include "server/columns.h"

#include "ports/job.h"
#include "ports/selector.h"
#include "server/pod_summary.h"

#include <fmt/format.h>

#include <map>

namespace serin::server {

namespace {

using Cell = std::function<json::Value(const Object&, Instant)>;

constexpr std::string_view none = "<none>";

json::Value or_none(std::string_view text) {
    return json::string(text.empty() ? none : text);
}

std::string age(std::optional<Instant> since, Instant now) {
    return since ? format_age(now - *since) : "<unknown>";
}

Cell text_at(std::string_view pointer) {
    return [pointer](const Object& object, Instant) { return or_none(object.text(pointer)); };
}

Cell number_at(std::string_view pointer, std::int64_t otherwise = 0) {
    return [pointer, otherwise](const Object& object, Instant) {
        return json::Value(object.integer(pointer, otherwise));
    };
}

Column name_column() {
    return {.name = "Name", .cell = text_at("/metadata/name")};
}

Column age_column() {
    return {.name = "Age", .cell = [](const Object& object, Instant now) {
                return json::Value(age(object.created(), now));
            }};
}

// The texts at `pointer` of each item of an array, joined by commas.
std::string joined(const json::Value* items, std::string_view pointer) {
    std::vector<std::string_view> texts;
    if (const json::Array* array = json::array(items)) {
        for (const json::Value& item : *array) {
            if (const auto text = json::text(json::find(item, pointer))) texts.push_back(*text);
        }
    }
    return fmt::format("{}", fmt::join(texts, ","));
}

Column containers_column() {
    return {.name = "Containers", .priority = 1, .cell = [](const Object& object, Instant) {
                return or_none(joined(object.find("/spec/template/spec/containers"), "/name"));
            }};
}

Column images_column() {
    return {.name = "Images", .priority = 1, .cell = [](const Object& object, Instant) {
                return or_none(joined(object.find("/spec/template/spec/containers"), "/image"));
            }};
}

Column selector_column() {
    return {.name = "Selector", .priority = 1, .cell = [](const Object& object, Instant) {
                const json::Value* written = object.find("/spec/selector");
                if (written == nullptr) return or_none("");
                const auto selector = LabelSelector::read(*written);
                return or_none(selector ? selector->to_string() : "<invalid>");
            }};
}

// The status of the condition of a type: "True".
std::string_view condition(const Object& object, std::string_view type) {
    const json::Array* conditions = json::array(object.find("/status/conditions"));
    if (conditions == nullptr) return "Unknown";
    for (const json::Value& one : *conditions) {
        if (json::text(json::find(one, "/type")) == type) {
            return json::text(json::find(one, "/status")).value_or("Unknown");
        }
    }
    return "Unknown";
}

Column condition_column(std::string_view name, std::string_view type) {
    return {.name = name, .cell = [type](const Object& object, Instant) {
                return json::string(condition(object, type));
            }};
}

size_t size_at(const Object& object, std::string_view pointer) {
    const json::Object* members = json::object(object.find(pointer));
    return members == nullptr ? 0 : members->size();
}

Column data_column() {
    return {.name = "Data", .cell = [](const Object& object, Instant) {
                return json::Value(static_cast<std::int64_t>(
                    size_at(object, "/data") + size_at(object, "/binaryData")));
            }};
}

// Workloads

std::vector<Column> pod_columns() {
    const auto summary_column = [](std::string_view name, std::string PodSummary::* member) {
        return Column{.name = name, .cell = [member](const Object& pod, Instant now) {
                          return json::Value(summarize_pod(pod, now).*member);
                      }};
    };
    const auto constant = [](std::string_view name) {
        return Column{.name = name, .priority = 1, .cell = [](const Object&, Instant) {
                          return json::string(none);
                      }};
    };
    return {
        name_column(),
        summary_column("Ready", &PodSummary::ready),
        summary_column("Status", &PodSummary::status),
        summary_column("Restarts", &PodSummary::restarts),
        age_column(),
        {.name = "IP", .priority = 1, .cell = text_at("/status/podIP")},
        {.name = "Node", .priority = 1, .cell = text_at("/spec/nodeName")},
        constant("Nominated Node"),
        constant("Readiness Gates")};
}

std::vector<Column> replica_set_columns() {
    return {
        name_column(),
        {.name = "Desired", .type = "integer", .cell = number_at("/spec/replicas", 1)},
        {.name = "Current", .type = "integer", .cell = number_at("/status/replicas")},
        {.name = "Ready", .type = "integer", .cell = number_at("/status/readyReplicas")},
        age_column(),
        containers_column(),
        images_column(),
        selector_column()};
}

std::vector<Column> job_columns() {
    const auto status = [](const Object& job, Instant) {
        const auto end = end_of(job);
        if (!end) return json::Value("Running");
        return json::Value(end->is_complete ? "Complete" : "Failed");
    };
    const auto completions = [](const Object& job, Instant) {
        return json::Value(fmt::format(
            "{}/{}", job.integer("/status/succeeded"), job.integer("/spec/completions", 1)));
    };
    const auto duration = [](const Object& job, Instant now) {
        const auto started = job.time("/status/startTime");
        if (!started) return json::Value("");
        auto ended = job.time("/status/completionTime");
        if (!ended && end_of(job)) ended = job.time("/status/conditions/0/lastTransitionTime");
        return json::Value(format_age(ended.value_or(now) - *started));
    };
    return {
        name_column(),
        {.name = "Status", .cell = status},
        {.name = "Completions", .cell = completions},
        {.name = "Duration", .cell = duration},
        age_column(),
        containers_column(),
        images_column()};
}

std::vector<Column> deployment_columns() {
    return {
        name_column(),
        {.name = "Ready",
         .cell =
             [](const Object& object, Instant) {
                 return json::Value(fmt::format(
                     "{}/{}",
                     object.integer("/status/readyReplicas"),
                     object.integer("/spec/replicas", 1)));
             }},
        {.name = "Up-to-date", .type = "integer", .cell = number_at("/status/updatedReplicas")},
        {.name = "Available", .type = "integer", .cell = number_at("/status/availableReplicas")},
        age_column(),
        containers_column(),
        images_column(),
        selector_column()};
}

json::Value rollout_step(const Object& rollout, Instant) {
    const json::Array* steps = json::array(rollout.find("/spec/strategy/canary/steps"));
    if (steps == nullptr) return or_none("");
    const auto index = rollout.integer("/status/currentStepIndex");
    return json::Value(fmt::format("{}/{}", index, steps->size()));
}

json::Value rollout_weight(const Object& rollout, Instant) {
    const auto weight = json::integer(rollout.find("/status/canary/weights/canary/weight"));
    return weight ? json::Value(fmt::format("{}%", *weight)) : or_none("");
}

std::vector<Column> rollout_columns() {
    return {
        name_column(),
        {.name = "Desired", .type = "integer", .cell = number_at("/spec/replicas", 1)},
        {.name = "Current", .type = "integer", .cell = number_at("/status/replicas")},
        {.name = "Up-to-date", .type = "integer", .cell = number_at("/status/updatedReplicas")},
        {.name = "Available", .type = "integer", .cell = number_at("/status/availableReplicas")},
        age_column(),
        {.name = "Phase", .priority = 1, .cell = text_at("/status/phase")},
        {.name = "Step", .priority = 1, .cell = rollout_step},
        {.name = "Weight", .priority = 1, .cell = rollout_weight},
        containers_column(),
        images_column(),
        selector_column()};
}

// Services and routes

json::Value service_ports(const Object& service, Instant) {
    std::vector<std::string> ports;
    if (const json::Array* written = json::array(service.find("/spec/ports"))) {
        for (const json::Value& one : *written) {
            const auto number = json::integer(json::find(one, "/port")).value_or(0);
            const auto node_port = json::integer(json::find(one, "/nodePort")).value_or(0);
            const auto protocol = json::text(json::find(one, "/protocol")).value_or("TCP");
            ports.push_back(
                node_port > 0 ? fmt::format("{}:{}/{}", number, node_port, protocol)
                              : fmt::format("{}/{}", number, protocol));
        }
    }
    return or_none(fmt::format("{}", fmt::join(ports, ",")));
}

std::vector<Column> service_columns() {
    return {
        name_column(),
        {.name = "Type",
         .cell = [](const Object& service,
                    Instant) { return json::string(service.text("/spec/type", "ClusterIP")); }},
        {.name = "Cluster-IP", .cell = text_at("/spec/clusterIP")},
        {.name = "External-IP", .cell = text_at("/spec/externalName")},
        {.name = "Port(s)", .cell = service_ports},
        age_column(),
        {.name = "Selector", .priority = 1, .cell = [](const Object& service, Instant) {
             std::map<std::string, std::string> labels;
             if (const json::Object* selector = json::object(service.find("/spec/selector"))) {
                 for (const auto& member : *selector) {
                     labels[member.key()] = json::text(&member.value()).value_or("");
                 }
             }
             return or_none(LabelSelector::equal_to(labels).to_string());
         }}};
}

json::Value hostnames(const Object& route, Instant) {
    const json::Value* names = route.find("/spec/hostnames");
    return json::Value(names == nullptr ? std::string() : json::print(*names));
}

json::Value gateway_address(const Object& gateway, Instant) {
    return json::Value(joined(gateway.find("/status/addresses"), "/value"));
}

// Events

std::optional<Instant> last_seen(const Object& event) {
    for (const std::string_view pointer :
         {"/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/firstTimestamp"}) {
        if (const auto at = event.time(pointer)) return at;
    }
    return event.created();
}

std::vector<Column> event_columns() {
    return {
        {.name = "Last Seen",
         .cell = [](const Object& event,
                    Instant now) { return json::Value(age(last_seen(event), now)); }},
        {.name = "Type", .cell = text_at("/type")},
        {.name = "Reason", .cell = text_at("/reason")},
        {.name = "Object",
         .cell =
             [](const Object& event, Instant) {
                 const ResourceType* type = find_type(event.text("/involvedObject/kind"));
                 return json::Value(fmt::format(
                     "{}/{}",
                     type == nullptr ? event.text("/involvedObject/kind") : type->singular,
                     event.text("/involvedObject/name")));
             }},
        {.name = "Source", .priority = 1, .cell = text_at("/source/component")},
        {.name = "Message",
         .cell = [](const Object& event, Instant) { return json::string(event.text("/message")); }},
        {.name = "Count", .type = "integer", .priority = 1, .cell = number_at("/count", 1)},
        {.name = "Name", .priority = 1, .cell = text_at("/metadata/name")}};
}

std::map<const ResourceType*, std::vector<Column>> make_columns() {
    const Column phase{.name = "Status", .cell = text_at("/status/phase")};
    return {
        {&types::pod(), pod_columns()},
        {&types::replica_set(), replica_set_columns()},
        {&types::job(), job_columns()},
        {&types::deployment(), deployment_columns()},
        {&types::rollout(), rollout_columns()},
        {&types::service(), service_columns()},
        {&types::event(), event_columns()},
        {&types::config_map(), {name_column(), data_column(), age_column()}},
        {&types::secret(),
         {name_column(), {.name = "Type", .cell = text_at("/type")}, data_column(), age_column()}},
        {&types::name_space(), {name_column(), phase, age_column()}},
        {&types::analysis_run(), {name_column(), phase, age_column()}},
        {&types::experiment(), {name_column(), phase, age_column()}},
        {&types::gateway_class(),
         {name_column(),
          {.name = "Controller", .cell = text_at("/spec/controllerName")},
          condition_column("Accepted", "Accepted"),
          age_column()}},
        {&types::gateway(),
         {name_column(),
          {.name = "Class", .cell = text_at("/spec/gatewayClassName")},
          {.name = "Address", .cell = gateway_address},
          condition_column("Programmed", "Programmed"),
          age_column()}},
        {&types::http_route(),
         {name_column(), {.name = "Hostnames", .cell = hostnames}, age_column()}}};
}

}  // namespace

const std::vector<Column>& columns_of(const ResourceType& type) {
    static const std::map<const ResourceType*, std::vector<Column>> known = make_columns();
    static const std::vector<Column> plain = {name_column(), age_column()};
    const auto found = known.find(&type);
    return found == known.end() ? plain : found->second;
}

}  // namespace serin::server
