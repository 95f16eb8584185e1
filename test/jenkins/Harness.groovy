// Executes a declarative Jenkinsfile: groovy Harness.groovy JENKINSFILE CONTEXT.json REPORT.json
//
// Strict about what declarative Pipeline allows at each level (an unknown directive is an error, exit 2); `sh` runs real
// bash in the working folder; `when`, `environment`, `parameters`, `post` and `withCredentials` behave as Jenkins
// documents them. CONTEXT: {branch, params: {}, credentials: {id: {…}}, env: {}}. REPORT: what ran, in order.
// Source for the grammar: the Pipeline Syntax chapter of the Jenkins handbook.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper

class NotDeclarative extends RuntimeException { NotDeclarative(String m) { super(m) } }
class StepFailed extends RuntimeException { StepFailed(String m) { super(m) } }

class World {
  Map context; Map env = [:]; Map params = [:]; List report = []; Set<String> secrets = []
  void note(Map entry) { report << entry }
}

/** A level of the pipeline: only the directives that it names exist. */
abstract class Level {
  World world
  abstract String name()
  def methodMissing(String directive, args) { throw new NotDeclarative("unknown directive '${directive}' in ${name()}") }
  def propertyMissing(String p) {
    if (p == 'params') return world.params
    if (p == 'env') return world.env
    throw new NotDeclarative("unknown name '${p}' in ${name()}")
  }
  void enter(Level inner, Closure body) {
    inner.world = world
    body.delegate = inner; body.resolveStrategy = Closure.DELEGATE_ONLY
    body()
  }
}

class Steps extends Level {
  String name() { 'steps' }
  void echo(String message) { world.note([step: 'echo', message: message]) }
  void sh(String script) {
    def builder = new ProcessBuilder('bash', '-euo', 'pipefail', '-c', script).inheritIO()
    builder.environment().putAll(world.env.collectEntries { k, v -> [k, v as String] })
    int code = builder.start().waitFor()
    world.note([step: 'sh', script: script, exit: code])
    if (code != 0) throw new StepFailed("script returned exit code ${code}: ${script}")
  }
  void archiveArtifacts(Map options) {
    def file = new File(options.artifacts as String)
    if (!file.exists() && !options.allowEmptyArchive) throw new StepFailed("no artifacts match ${options.artifacts}")
    world.note([step: 'archiveArtifacts', artifacts: options.artifacts, found: file.exists()])
  }
  Map usernamePassword(Map o) { [(o.usernameVariable): secret(o.credentialsId, 'username'), (o.passwordVariable): secret(o.credentialsId, 'password')] }
  Map string(Map o) { [(o.variable): secret(o.credentialsId, 'secret')] }
  Map file(Map o) { [(o.variable): secret(o.credentialsId, 'file')] }
  void withCredentials(List bindings, Closure body) {
    def before = new LinkedHashMap(world.env)
    bindings.each { world.env.putAll(it) }
    try { enter(this, body) } finally { world.env.clear(); world.env.putAll(before) }
  }
  private String secret(String id, String part) {
    def found = world.context.credentials?."${id}"?."${part}"
    if (found == null) throw new StepFailed("no credentials '${id}' with ${part}")
    world.secrets << (found as String)
    found
  }
}

class When extends Level {
  boolean result = true
  String name() { 'when' }
  void branch(String pattern) { result &= world.context.branch == pattern }
  void expression(Closure c) { c.delegate = this; c.resolveStrategy = Closure.DELEGATE_ONLY; result &= (c() as boolean) }
}

class Environment extends Level {
  String name() { 'environment' }
  void setProperty(String key, value) { if (key == 'world') { setWorld(value) } else { world.env[key] = value as String } }
}

class Parameters extends Level {
  String name() { 'parameters' }
  void string(Map o) { declare(o, String) }
  void booleanParam(Map o) { declare(o, Boolean) }
  private void declare(Map o, Class type) {
    if (!o.description) throw new NotDeclarative("parameter ${o.name} has no description")
    def given = world.context.params?."${o.name}"
    world.params[o.name] = given == null ? o.defaultValue : given
    if (!type.isInstance(world.params[o.name])) throw new NotDeclarative("parameter ${o.name} is not a ${type.simpleName}")
    world.env[o.name] = world.params[o.name] as String
  }
}

class Options extends Level {
  String name() { 'options' }
  void timeout(Map o) { assert o.time > 0 && o.unit in ['MINUTES', 'HOURS'] }
  void disableConcurrentBuilds() {}
  void buildDiscarder(Map o) { assert o.numToKeepStr.toInteger() > 0 }
  Map logRotator(Map o) { o }
}

class Agent extends Level { String name() { 'agent' }; void label(String l) { assert l } }

class Post extends Level {
  String name() { 'post' }
  Map<String, Closure> conditions = [:]
  void always(Closure c) { conditions.always = c }
  void success(Closure c) { conditions.success = c }
  void failure(Closure c) { conditions.failure = c }
  void run(boolean failed) {
    ['always', failed ? 'failure' : 'success'].each { if (conditions[it]) enter(new Steps(), conditions[it]) }
  }
}

class Stage extends Level {
  String title; Closure whenBody, stepsBody; Post postBody
  String name() { "stage('${title}')" }
  void when(Closure c) { whenBody = c }
  void steps(Closure c) { stepsBody = c }
  void post(Closure c) { postBody = new Post(); enter(postBody, c) }
  void environment(Closure c) { enter(new Environment(), c) }
  void run() {
    if (stepsBody == null) throw new NotDeclarative("${name()} has no steps")
    if (whenBody != null) {
      def condition = new When(); enter(condition, whenBody)
      if (!condition.result) { world.note([stage: title, status: 'skipped']); return }
    }
    world.note([stage: title, status: 'started'])
    boolean failed = true
    try { enter(new Steps(), stepsBody); failed = false } finally {
      world.note([stage: title, status: failed ? 'failed' : 'passed'])
      postBody?.run(failed)
    }
  }
}

class Stages extends Level {
  List<Stage> all = []
  String name() { 'stages' }
  void stage(String title, Closure c) { def s = new Stage(title: title); enter(s, c); all << s }
}

class Pipeline extends Level {
  Set seen = []; Stages stagesLevel; Post postLevel
  String name() { 'pipeline' }
  private void once(String d) { if (!seen.add(d)) throw new NotDeclarative("'${d}' stands twice in pipeline") }
  void agent(Closure c) { once('agent'); enter(new Agent(), c) }
  void options(Closure c) { once('options'); enter(new Options(), c) }
  void parameters(Closure c) { once('parameters'); enter(new Parameters(), c) }
  void environment(Closure c) { once('environment'); enter(new Environment(), c) }
  void stages(Closure c) { once('stages'); stagesLevel = new Stages(); enter(stagesLevel, c) }
  void post(Closure c) { once('post'); postLevel = new Post(); enter(postLevel, c) }
  boolean run() {
    ['agent', 'stages'].each { if (!seen.contains(it)) throw new NotDeclarative("pipeline has no ${it}") }
    boolean failed = false
    try { stagesLevel.all.each { it.run() } } catch (StepFailed e) { failed = true; System.err.println(e.message); world.note([error: e.message]) }
    try { postLevel?.run(failed) } catch (StepFailed e) { failed = true; System.err.println(e.message); world.note([error: e.message]) }
    !failed
  }
}

def (jenkinsfile, contextFile, reportFile) = args
def context = new JsonSlurper().parse(new File(contextFile))
def world = new World(context: context, env: [BRANCH_NAME: context.branch] + (context.env ?: [:]))
int code = 0
try {
  def ok = null
  def binding = new Binding([pipeline: { Closure body ->
    def p = new Pipeline(); p.world = world
    body.delegate = p; body.resolveStrategy = Closure.DELEGATE_ONLY
    body()
    ok = p.run()
  }])
  new GroovyShell(binding).evaluate(new File(jenkinsfile))
  if (ok == null) throw new NotDeclarative('no pipeline block')
  code = ok ? 0 : 1
} catch (NotDeclarative | org.codehaus.groovy.control.CompilationFailedException e) {
  System.err.println("not a declarative pipeline: ${e.message}")
  code = 2
}
def text = JsonOutput.toJson(world.report)
world.secrets.each { if (it && text.contains(it)) { System.err.println('a secret stands in the report'); code = 3 } }
new File(reportFile).text = text
System.exit(code)
