#include "metrics/influxdb.h"

#include "judge/conditions.h"
#include "metrics/csv.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;

namespace {

const SecretValues secret{
    {"address", "http://influx:8086/"}, {"authToken", "T0K"}, {"org", "my org"}};

Result<MetricSample> read(std::string body, int status = 200) {
    return read_influxdb_answer({.status = status, .body = std::move(body)});
}

constexpr const char* two_tables =
    "#datatype,string,long,dateTime:RFC3339,double,string\r\n"
    "#group,false,false,false,false,true\r\n"
    "#default,_result,,,,\r\n"
    ",result,table,_time,_value,_field\r\n"
    ",,0,2026-01-01T00:00:00Z,0.25,rate\r\n"
    ",,0,2026-01-01T00:01:00Z,0.00001,rate\r\n"
    "\r\n"
    "#datatype,string,long,dateTime:RFC3339,long,string\r\n"
    "#group,false,false,false,false,true\r\n"
    "#default,_result,,,7,\r\n"
    ",result,table,_time,_value,_field\r\n"
    ",,1,2026-01-01T00:00:00Z,42,\"a, \"\"quoted\"\" name\"\r\n"
    ",,1,2026-01-01T00:00:00Z,,count\r\n"
    "\r\n";

}  // namespace

TEST_CASE("InfluxDB is asked for annotated CSV by a Flux query") {
    const auto request = influxdb_request({{"query", "from(bucket: \"b\")"}}, secret);
    REQUIRE(request);
    CHECK(request->method == "POST");
    CHECK(request->url == "http://influx:8086/api/v2/query?org=my%20org");
    CHECK(
        request->headers == std::vector<std::pair<std::string, std::string>>{
                                {"Authorization", "Token T0K"},
                                {"Content-Type", "application/json; charset=utf-8"},
                                {"Accept", "text/csv"}});
    CHECK(
        request->body ==
        R"~({"dialect":{"annotations":["datatype","group","default"],"delimiter":",",)~"
        R"~("header":true},"query":"from(bucket: \"b\")","type":"flux"})~");
    CHECK(
        influxdb_request({{"query", "x"}}, {{"org", "o"}}).error().message ==
        "authToken, org, or address not found");
}

// "for result.Next() { res = append(res, result.Record().Value()) }", written with fmt.Sprint.
TEST_CASE("all records of all tables are values, in their types") {
    const auto sample = read(two_tables);
    REQUIRE(sample);
    CHECK(sample->value == "[0.25 1e-05 42 7]");
    CHECK(sample->result.at(2).is_int64());
    const auto phase = [&](const char* condition) {
        return judge::assess_value({.success = condition, .failure = ""}, sample->result, {}).phase;
    };
    CHECK(phase("result[0] == 0.25 && result[2] == 42") == judge::Phase::successful);
}

TEST_CASE("values of InfluxDB that are no numbers stay what they are") {
    const auto typed = [](const std::string& type, const std::string& value) {
        return read(
            "#datatype,string,long," + type +
            "\n#group,false,false,false\n#default,_result,,\n,result,table,_value\n,,0," + value +
            "\n");
    };
    CHECK(typed("boolean", "true")->result == json::Value(json::Array{true}));
    CHECK(typed("string", "fine")->value == "[fine]");
    CHECK(typed("unsignedLong", "18446744073709551615")->value == "[18446744073709551615]");
    CHECK(typed("double", "")->value == "[<nil>]");
    CHECK(typed("double", "NaN")->value == "[NaN]");
    CHECK(typed("double", "+Inf")->value == "[+Inf]");
    CHECK_FALSE(typed("double", "much"));
    CHECK_FALSE(typed("long", "1.5"));
}

TEST_CASE("no record is an error, as is what InfluxDB says in a table of errors") {
    CHECK(read("\r\n").error().message == "no results returned from flux query");
    CHECK(read("").error().message == "no results returned from flux query");
    CHECK(
        read("#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n"
             ",failed to find bucket,897\r\n")
            .error()
            .message == "InfluxDB: failed to find bucket");
    CHECK(
        read(R"({"code": "unauthorized", "message": "unauthorized access"})", 401)
            .error()
            .message == "unauthorized (401): unauthorized access");
    CHECK_FALSE(read("{\"results\": []}"));
    CHECK_FALSE(read("#datatype,string,long\n,result,_value\n,a\n"));
}

TEST_CASE("CSV with quotes, commas and line breaks in fields") {
    const auto rows = read_csv("a,\"b,\"\"c\"\"\",\n\n\"x\ny\",\r\nlast\rone");
    REQUIRE(rows);
    REQUIRE(rows->size() == 4);
    CHECK(rows->at(0) == CsvRow{"a", "b,\"c\"", ""});
    CHECK(rows->at(1).empty());
    CHECK(rows->at(2) == CsvRow{"x\ny", ""});
    CHECK(rows->at(3) == CsvRow{"last\rone"});
    CHECK_FALSE(read_csv("a,\"b"));
    CHECK_FALSE(read_csv("a,b\"c\n"));
    CHECK_FALSE(read_csv("\"a\"b\n"));
}

// The form of what InfluxDB 1.8.10 answered, to the ends of its lines, when it was asked by these
// requests for points of its line protocol: `http,status=5xx errors=1` and two more, and
// `kinds i=7i,b=true,s="a,\"b\"",f=1e21`. Times and fields are made equal here.
namespace {

std::string table_of(const std::string& number, const std::string& type, const std::string& value) {
    const std::string at = "2026-11-22T03:33:03.948057591Z";
    return "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339," + type +
           ",string,string\r\n#group,false,false,true,true,false,false,true,true\r\n"
           "#default,_result,,,,,,,\r\n"
           ",result,table,_start,_stop,_time,_value,_field,_measurement\r\n,," +
           number + "," + at + "," + at + "," + at + "," + value + ",f,kinds\r\n\r\n";
}

}  // namespace

TEST_CASE("what a real InfluxDB has answered is read") {
    const auto numbers = read(
        table_of("0", "double", "0.5") + table_of("1", "double", "2") +
        table_of("2", "double", "1") + "\r\n");
    REQUIRE(numbers);
    CHECK(numbers->value == "[0.5 2 1]");
    const auto kinds = read(
        table_of("0", "boolean", "true") + table_of("1", "double", "1000000000000000000000") +
        table_of("2", "long", "7") + table_of("3", "string", R"("a,""b""")") + "\r\n");
    REQUIRE(kinds);
    CHECK(kinds->value == R"([true 1e+21 7 a,"b"])");
    CHECK(kinds->result == json::Value(json::Array{true, 1e21, 7, "a,\"b\""}));
    CHECK(read("\r\n").error().message == "no results returned from flux query");
    CHECK(
        read("error\n\"type error 1:33-1:39: undefined identifier \"\"nosuch\"\"\"\n", 500)
            .error()
            .message == R"(error (500): type error 1:33-1:39: undefined identifier "nosuch")");
    CHECK(
        read("error\nfailed to initialize execute state: no database\n", 500).error().message ==
        "error (500): failed to initialize execute state: no database");
}
