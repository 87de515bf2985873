#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "ports/metric_source.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// What counters grew by between looks at them. Counters are read while pods come, go and restart,
// and through systems that answer late, twice, not at all or with something old: what is not surely
// growth is not counted, and nothing is counted twice. Pure: time comes with the readings.

namespace serin::metrics {

// A counter as it was answered once: one number, or one a series.
struct CounterAnswer {
    struct Value {
        std::uint64_t count = 0;
        bool is_one_process = false;  // One that falls has begun anew at 0; a sum has lost a part.
    };
    std::map<std::string, Value> series;  // By a digest of the labels; "" without any.

    // `invalid` says why this is no counter.
    static Result<CounterAnswer> read(const MetricSample& sample);
};

constexpr std::size_t counter_series_max = 500;

// All requests of one arm, and those that are counted among them, read at one time.
struct ArmReading {
    CounterAnswer total;
    CounterAnswer events;
    std::string problem;  // Not empty: it could not be read.
};

struct CounterReading {
    struct Metric {
        std::size_t index = 0;
        bool counts_the_rest = false;
        std::optional<ArmReading> canary;
        std::optional<ArmReading> stable;
    };
    Instant at;  // When it was asked for.
    std::vector<Metric> metrics;
};

struct ArmGrowth {
    std::uint64_t total = 0;
    std::uint64_t events = 0;
};

struct CounterGrowth {
    std::size_t metric = 0;
    ArmGrowth canary;
    ArmGrowth stable;
};

// The counters of one judge. A value; equal readings give equal books.
class CounterBook {
public:
    // A longer silence than `gap_max` is not compared: too much may have changed in between.
    explicit CounterBook(Duration gap_max = Duration(60'000)) : gap_max_(gap_max) {}

    // What the metrics have grown by since the last reading; those that have not are left out. A
    // reading that is older than the last one is left aside.
    std::vector<CounterGrowth> take(const CounterReading& reading);

    // What grew before the next reading belongs to another stage: it is not counted.
    void begin_stage();

    // What is wrong with the counters as last read: "canary of metrics[0]: ...". Empty: nothing.
    const std::string& trouble() const { return trouble_; }
    std::optional<Instant> read_at() const { return read_at_; }  // Last, with all there.

    json::Object memory() const;
    // `invalid` when this is no memory of a book; it is then as it was.
    Result<> recall(const json::Object& memory);

private:
    struct Arm {
        Instant at;  // When it was last counted up to.
        bool has_begun = false;
        bool begins_anew = false;
        int odd_readings = 0;  // In a row.
        std::map<std::string, std::uint64_t> total;
        std::map<std::string, std::uint64_t> events;
    };
    ArmGrowth take(Arm& arm, const ArmReading& reading, bool is_rest, Instant at);
    void note(std::string_view side, std::size_t metric, std::string_view what);

    Duration gap_max_;
    std::map<std::size_t, std::array<Arm, 2>> arms_;  // By metric: canary, stable.
    std::optional<Instant> last_;
    std::optional<Instant> read_at_;
    std::string trouble_;
    std::string odd_;  // What was wrong with the arm at hand.
};

}  // namespace serin::metrics
