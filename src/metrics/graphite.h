#pragma once

#include "metrics/http_provider.h"

#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `graphite`, with Argo's fields: address and query ("target=..."). The result is the
// list of the first target's values, without those that are null; no target is an error.
class GraphiteSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "graphite";

    using HttpProvider::HttpProvider;

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;
};

// The address of the question: the query's parameters, with format=json, sorted and escaped as Go
// does it; white space in the query is dropped.
std::string graphite_url(const std::string& address, std::string_view query);

Result<MetricSample> read_graphite_answer(const HttpResponse& response);

}  // namespace serin::metrics
