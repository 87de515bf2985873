#include "sim/stage.h"

#include <charconv>
#include <chrono>

namespace serin::sim {

namespace {

constexpr std::string_view image_prefix = "shop:v";

Instant start_of_time() {
    return std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
}

}  // namespace

Stage::Stage(const Scenario& story)
    : scenario(story),
      start(start_of_time()),
      random(story.seed),
      loop(start, random.fork(2)),
      store(loop, "sim-" + std::to_string(story.seed)) {}

const Happening* Stage::current(What what) const {
    const Duration now = loop.now() - start;
    for (const Happening& one : scenario.happenings) {
        if (one.what == what && one.at <= now && now < one.at + one.lasting) return &one;
    }
    return nullptr;
}

bool Stage::is_image(What what, int image) const {
    for (const Happening& one : scenario.happenings) {
        if (one.what == what && one.number == image) return true;
    }
    return false;
}

void Stage::tell(const std::string& line) const {
    if (trace) trace(format_offset(loop.now() - start) + " " + line);
}

void Stage::reach(std::string_view what) {
    const auto found = reached.find(what);
    if (found == reached.end()) {
        reached.emplace(what, 1);
    } else {
        ++found->second;
    }
}

void Stage::reach(What what) {
    reach(name_reached(what));
}

ObjectKey Stage::key(const ResourceType& type, std::string_view name) const {
    return {.type = &type, .ns = std::string(ns), .name = std::string(name)};
}

ObjectKey Stage::release_key() const {
    const bool is_deployment = scenario.workload == Workload::deployment;
    return key(is_deployment ? types::deployment() : types::rollout(), rollout_name);
}

ObjectKey Stage::template_key() const {
    if (scenario.workload != Workload::takeover) return release_key();
    return key(types::deployment(), source_name);
}

std::string_view Stage::revision_label() const {
    return scenario.workload == Workload::deployment ? "pod-template-hash" : hash_label;
}

std::string image_name(int image) {
    return std::string(image_prefix) + std::to_string(image);
}

int image_of(const Object& with_template) {
    std::string_view text = with_template.text("/spec/template/spec/containers/0/image");
    int image = 0;
    if (text.starts_with(image_prefix)) {
        text.remove_prefix(image_prefix.size());
        std::from_chars(text.data(), text.data() + text.size(), image);
    }
    return image;
}

}  // namespace serin::sim
