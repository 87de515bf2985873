#include "judging/rules.h"

#include "judge/kayenta/classify.h"

#include <memory>
#include <utility>

namespace serin::bench {

namespace {

namespace sequential = judge::sequential;

constexpr double minute_s = 60;

struct Minute {
    double canary = 0;
    double canary_failed = 0;
    double stable = 0;
    double stable_failed = 0;
};

// A rule that looks once a minute.
class MinuteRule : public Rule {
public:
    void begin() override {
        minute_ = {};
        ends_s_ = minute_s;
        start();
    }
    void step(double) override {}
    bool observe(const Outcome& outcome) override {
        if (outcome.at_s < 0) return false;
        const bool has_ended = outcome.at_s >= ends_s_;
        const bool takes_back = has_ended && judge(std::exchange(minute_, {}));
        if (has_ended) ends_s_ += minute_s;
        const double failed = outcome.failed ? 1 : 0;
        if (outcome.arm == Arm::canary) {
            ++minute_.canary;
            minute_.canary_failed += failed;
        } else {
            ++minute_.stable;
            minute_.stable_failed += failed;
        }
        return takes_back;
    }

private:
    virtual void start() = 0;
    virtual bool judge(const Minute& minute) = 0;

    Minute minute_;
    double ends_s_ = minute_s;
};

class Argo : public MinuteRule {
public:
    std::string name() const override { return "Argo Rollouts, success >= 0.95"; }

private:
    void start() override { failed_ = 0; }
    bool judge(const Minute& minute) override {
        if (minute.canary > 0 && minute.canary_failed > 0.05 * minute.canary) ++failed_;
        return failed_ > 3;
    }
    int failed_ = 0;
};

class Flagger : public MinuteRule {
public:
    std::string name() const override { return "Flagger, success >= 99 %"; }

private:
    void start() override { failed_ = 0; }
    bool judge(const Minute& minute) override {
        if (failed_ >= 5) return true;
        if (minute.canary == 0 || minute.canary_failed > 0.01 * minute.canary) ++failed_;
        return false;
    }
    int failed_ = 0;
};

class Kayenta : public MinuteRule {
public:
    std::string name() const override { return "Kayenta, each minute"; }

private:
    void start() override {
        canary_.clear();
        stable_.clear();
    }
    bool judge(const Minute& minute) override {
        const auto percent = [](double failed, double all) { return 100 * failed / all; };
        if (minute.canary > 0) canary_.push_back(percent(minute.canary_failed, minute.canary));
        if (minute.stable > 0) stable_.push_back(percent(minute.stable_failed, minute.stable));
        if (canary_.size() < 3 || stable_.size() < 3) return false;
        namespace kayenta = judge::kayenta;
        const kayenta::MetricConfig metric{
            .name = "failures", .direction = kayenta::Direction::increase};
        return kayenta::classify(canary_, stable_, metric).label == kayenta::Label::high;
    }

    std::vector<double> canary_;
    std::vector<double> stable_;
};

class Sequential : public Rule {
public:
    Sequential(std::string name, const char* spec)
        : name_(std::move(name)),
          judge_(*sequential::parse_spec(*json::parse(spec)), cache_),
          state_(judge_.begin()) {}

    std::string name() const override { return name_; }
    void begin() override { state_ = judge_.begin(); }
    void step(double at_s) override { judge_.begin_step(state_, at_s); }
    bool observe(const Outcome& outcome) override {
        judge_.observe(state_, outcome);
        return state_.decision == sequential::Decision::fail;
    }

private:
    std::string name_;
    statistics::FactorCache cache_;
    sequential::Judge judge_;
    sequential::State state_;
};

}  // namespace

std::vector<std::unique_ptr<Rule>> all_rules() {
    std::vector<std::unique_ptr<Rule>> rules;
    rules.push_back(std::make_unique<Argo>());
    rules.push_back(std::make_unique<Flagger>());
    rules.push_back(std::make_unique<Kayenta>());
    rules.push_back(std::make_unique<Sequential>(
        "Serin, strict",
        R"({"metrics": [{"metric": "error-rate", "margin": {"ratio": 1, "difference": 0}}],
            "timeout": "0s"})"));
    rules.push_back(std::make_unique<Sequential>(
        "Serin, default margin", R"({"metrics": [{"metric": "error-rate"}], "timeout": "0s"})"));
    return rules;
}

}  // namespace serin::bench
