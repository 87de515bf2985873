#include "server/table.h"

#include "base/document.h"
#include "server/columns.h"

#include <doctest/doctest.h>

#include <map>

namespace serin::server {

namespace {

const Instant now = parse_time("2026-01-02T00:00:00Z").value();

// The cells of one object by their column's name.
std::map<std::string, std::string> cells(const char* yaml) {
    const DocumentsRead read = read_documents(yaml, "");
    REQUIRE(read.documents.size() == 1);
    const Object object(read.documents.front().root.as_object());
    std::map<std::string, std::string> all;
    for (const Column& column : columns_of(*object.type())) {
        const json::Value cell = column.cell(object, now);
        const bool is_text = cell.is_string();
        all[std::string(column.name)] =
            is_text ? std::string(*json::text(&cell)) : json::print(cell);
    }
    return all;
}

}  // namespace

TEST_CASE("a pod's row tells what troubles it") {
    auto row = cells(R"(
apiVersion: v1
kind: Pod
metadata: {name: p, creationTimestamp: "2026-01-01T23:00:00Z"}
spec: {containers: [{name: a}, {name: b}]}
status:
  phase: Running
  podIP: 127.77.0.5
  containerStatuses:
  - {name: a, ready: true, restartCount: 0, state: {running: {}}}
  - name: b
    ready: false
    restartCount: 3
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {finishedAt: "2026-01-01T23:55:00Z"}}
)");
    CHECK(row["Ready"] == "1/2");
    CHECK(row["Status"] == "CrashLoopBackOff");
    CHECK(row["Restarts"] == "3 (5m ago)");
    CHECK(row["Age"] == "60m");
    CHECK(row["IP"] == "127.77.0.5");

    const auto status = [](const char* state) {
        const std::string yaml = std::string("{apiVersion: v1, kind: Pod, metadata: {name: p}, ") +
                                 "status: {phase: Failed, containerStatuses: [{state: " + state +
                                 "}]}}";
        return cells(yaml.c_str())["Status"];
    };
    CHECK(status("{terminated: {exitCode: 3}}") == "ExitCode:3");
    CHECK(status("{terminated: {signal: 9, exitCode: 137}}") == "Signal:9");
    CHECK(status("{terminated: {reason: Error}}") == "Error");
    CHECK(status("7") == "Failed");

    row = cells(R"({apiVersion: v1, kind: Pod, metadata:
        {name: p, deletionTimestamp: "2026-01-01T23:00:00Z"}})");
    CHECK(row["Status"] == "Terminating");
    CHECK(row["Ready"] == "0/0");
    CHECK(row["Age"] == "<unknown>");
}

TEST_CASE("a rollout's row has Argo's columns, and wide the place it stands at") {
    auto row = cells(R"(
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template: {spec: {containers: [{name: a, image: "shop:v2"}]}}
  strategy: {canary: {steps: [{setWeight: 20}, {pause: {}}]}}
status:
  replicas: 4
  updatedReplicas: 1
  availableReplicas: 3
  phase: Paused
  currentStepIndex: 1
  canary: {weights: {canary: {weight: 20}}}
)");
    CHECK(row["Desired"] == "1");
    CHECK(row["Current"] == "4");
    CHECK(row["Up-to-date"] == "1");
    CHECK(row["Available"] == "3");
    CHECK(row["Phase"] == "Paused");
    CHECK(row["Step"] == "1/2");
    CHECK(row["Weight"] == "20%");
    CHECK(row["Images"] == "shop:v2");
    CHECK(row["Selector"] == "app=shop");
}

TEST_CASE("services, events and gateways have the columns people know") {
    auto service = cells(R"({apiVersion: v1, kind: Service, metadata: {name: web}, spec:
        {selector: {app: web}, ports: [{port: 80}, {port: 81, nodePort: 3000, protocol: UDP}]}})");
    CHECK(service["Type"] == "ClusterIP");
    CHECK(service["Port(s)"] == "80/TCP,81:3000/UDP");
    CHECK(service["Selector"] == "app=web");
    auto event = cells(R"({apiVersion: v1, kind: Event, metadata: {name: e}, reason: Aborted,
        type: Warning, message: why, lastTimestamp: "2026-01-01T23:59:15Z",
        involvedObject: {kind: Rollout, name: shop}})");
    CHECK(event["Last Seen"] == "45s");
    CHECK(event["Object"] == "rollout/shop");
    CHECK(event["Message"] == "why");
    auto gateway = cells(R"({apiVersion: gateway.networking.k8s.io/v1, kind: Gateway,
        metadata: {name: g}, spec: {gatewayClassName: serin}, status: {addresses:
        [{value: 127.0.0.1}], conditions: [{type: Programmed, status: "True"}]}})");
    CHECK(gateway["Class"] == "serin");
    CHECK(gateway["Address"] == "127.0.0.1");
    CHECK(gateway["Programmed"] == "True");
}

TEST_CASE("objects of unexpected shapes still make rows") {
    for (const ResourceType& type : resource_types()) {
        Object object(type, "default", "x");
        object.document()["spec"] = json::Array{1, "a", nullptr};
        object.document()["status"] = "text";
        object.document()["data"] = 7;
        const json::Object table = make_table(type, {object}, now, Included::object, "v1");
        CHECK(json::text(json::find(table, "/rows/0/object/kind")) == type.kind);
        CHECK(
            json::find(table, "/rows/0/cells")->as_array().size() ==
            json::find(table, "/columnDefinitions")->as_array().size());
    }
}

}  // namespace serin::server
