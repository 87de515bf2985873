#pragma once

#include "base/json.h"
#include "control/analysis_controller.h"
#include "control/manager.h"
#include "ports/event_recorder.h"

#include <doctest/doctest.h>

#include "ground.h"
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// An analysis controller on virtual time, with a source that answers as told.

namespace serin::control {

inline json::Value parsed(std::string_view text) {
    auto value = json::parse(text);
    REQUIRE(value);
    return *std::move(value);
}

class ScriptedSource : public MetricSource {
public:
    explicit ScriptedSource(EventLoop& loop) : loop_(loop) {}

    Result<> check(const json::Object& config) const override {
        if (config.contains("wrong")) return fail(ErrorKind::invalid, "wrong: unknown field");
        return {};
    }
    std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override {
        (query.is_early ? early : asked).push_back(query);
        if (is_slow) {
            struct Slow : Measurement {
                explicit Slow(int& cancelled) : cancelled_(cancelled) {}
                ~Slow() override { ++cancelled_; }
                int& cancelled_;
            };
            waiting.push_back(std::move(done));
            return std::make_unique<Slow>(ended);
        }
        done(next());
        return nullptr;
    }
    std::unique_ptr<Measurement> watch(
        const MetricQuery& query, std::function<void()> on_news) override {
        if (!has_news) return nullptr;
        struct News : Measurement {
            News(std::map<std::string, std::function<void()>>& all, std::string name)
                : all_(all), name_(std::move(name)) {}
            ~News() override { all_.erase(name_); }
            std::map<std::string, std::function<void()>>& all_;
            std::string name_;
        };
        watchers[query.metric] = std::move(on_news);
        return std::make_unique<News>(watchers, query.metric);
    }

    void answer(double value) {
        answers.push_back(
            MetricSample{.result = json::Array{value}, .value = "[" + std::to_string(value) + "]"});
    }
    Result<MetricSample> next() {
        if (answers.empty()) return MetricSample{.result = json::Array{1.0}, .value = "[1]"};
        auto sample = answers.front();
        answers.pop_front();
        return sample;
    }

    bool is_slow = false;
    bool has_news = false;
    int ended = 0;
    std::vector<MetricQuery> asked;
    std::vector<MetricQuery> early;
    std::deque<Result<MetricSample>> answers;  // Then 1, for ever.
    std::vector<Done> waiting;
    std::map<std::string, std::function<void()>> watchers;

private:
    EventLoop& loop_;
};

struct AnalysisWorld {
    std::unique_ptr<Ground> ground = make_ground(Instant(std::chrono::seconds(1'000'000)));
    const std::string& ns = ground->ns;
    ManualLoop& loop = ground->loop;
    ObjectStore& store = ground->others();
    ObjectStore& own = ground->controllers();
    EventRecorder events{own, loop, "test"};
    ScriptedSource source{loop};
    std::unique_ptr<AnalysisController> controller;
    std::unique_ptr<Manager> manager;

    AnalysisWorld() { boot(); }

    // As after a restart of the program: only the store remembers.
    void boot() {
        manager.reset();
        controller.reset();
        ground->restart();
        controller = std::make_unique<AnalysisController>(
            loop, own, events, MetricSources{{"test", &source}});
        manager = std::make_unique<Manager>(
            loop,
            own,
            std::vector<Reconciler*>{controller.get()},
            ManagerSettings{.resync = Duration(0)});
        manager->start();
        settle();
    }
    void settle() { ground->settle(); }
    void advance(Duration by) { ground->advance(by); }

    ObjectKey key(std::string name = "run") const {
        return {.type = &types::analysis_run(), .ns = ns, .name = std::move(name)};
    }
    void create(std::string_view spec, std::string_view name = "run") {
        Object run(types::analysis_run(), ns, name);
        run.put("/spec", parsed(spec));
        add(run);
        settle();
    }
    Object add(const Object& object) {
        const auto created = store.create(object);
        REQUIRE_MESSAGE(created, (created ? "" : created.error().message));
        return *created;
    }
    Object run(std::string name = "run") const {
        const auto stored = store.get(key(std::move(name)));
        REQUIRE(stored);
        return *stored;
    }
    std::string phase() const { return std::string(run().text("/status/phase")); }
    std::string message() const { return std::string(run().text("/status/message")); }

    std::vector<std::string> events_seen() const {
        std::vector<std::string> seen;
        const auto events_stored = store.list({.type = &types::event()});
        REQUIRE(events_stored);
        for (const Object& event : events_stored->items) {
            seen.push_back(
                std::string(event.text("/type")) + " " + std::string(event.text("/reason")) + ": " +
                std::string(event.text("/message")));
        }
        std::sort(seen.begin(), seen.end());
        return seen;
    }
};

}  // namespace serin::control
