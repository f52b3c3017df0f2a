// Amazon's SDK for JavaScript reads every answer by its own schemas: prints as JSON what it made of them.
import { ECSClient, CreateClusterCommand, RegisterTaskDefinitionCommand, CreateServiceCommand, DescribeServicesCommand,
  ListTasksCommand, DescribeTasksCommand, DescribeTaskDefinitionCommand, RunTaskCommand, waitUntilServicesStable,
  waitUntilTasksStopped, StopTaskCommand } from "@aws-sdk/client-ecs";
import { ElasticLoadBalancingV2Client, DescribeLoadBalancersCommand, CreateLoadBalancerCommand,
  CreateTargetGroupCommand, DescribeTargetHealthCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { ECRClient, DescribeImagesCommand, DescribeRepositoriesCommand } from "@aws-sdk/client-ecr";
import { CloudWatchLogsClient, CreateLogGroupCommand, CreateLogStreamCommand, PutLogEventsCommand,
  FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";

const [image] = process.argv.slice(2);
const cluster = "javascript";
const ecs = new ECSClient(), elb = new ElasticLoadBalancingV2Client();
const ecr = new ECRClient(), logs = new CloudWatchLogsClient();
const told = {};

await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
const healthCheck = { command: ["CMD-SHELL", "true"], interval: 5, retries: 1 };
const { taskDefinition } = await ecs.send(new RegisterTaskDefinitionCommand({
  family: cluster, containerDefinitions: [{ name: "app", image, memory: 128, healthCheck }] }));
told.registeredAt = taskDefinition.registeredAt instanceof Date;
await ecs.send(new CreateServiceCommand({
  cluster, serviceName: "web", taskDefinition: taskDefinition.taskDefinitionArn, desiredCount: 1 }));
const stable = await waitUntilServicesStable({ client: ecs, maxWaitTime: 90, minDelay: 1, maxDelay: 2 },
  { cluster, services: ["web"] });
told.stable = stable.state;
const { services: [service] } = await ecs.send(new DescribeServicesCommand({ cluster, services: ["web"] }));
told.createdAt = service.createdAt instanceof Date;
told.events = service.events.length > 0;
const { taskArns } = await ecs.send(new ListTasksCommand({ cluster }));
const { tasks: [task] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
told.task = [task.lastStatus, task.startedAt instanceof Date];
const ran = await ecs.send(new RunTaskCommand({
  cluster, taskDefinition: taskDefinition.taskDefinitionArn, clientToken: "once",
  overrides: { containerOverrides: [{ name: "app", environment: [{ name: "A", value: "b" }] }] } }));
await ecs.send(new StopTaskCommand({ cluster, task: ran.tasks[0].taskArn }));
const stopped = await waitUntilTasksStopped({ client: ecs, maxWaitTime: 90, minDelay: 1, maxDelay: 2 },
  { cluster, tasks: [ran.tasks[0].taskArn] });
told.stopped = stopped.state;
told.absent = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: "absent" })).catch(e => e.name);

const { LoadBalancers: [balancer] } = await elb.send(new CreateLoadBalancerCommand({
  Name: cluster, Subnets: ["subnet-0000000000000000a", "subnet-0000000000000000b"] }));
told.balancer = [balancer.State.Code !== undefined, balancer.CreatedTime instanceof Date];
const { TargetGroups: [group] } = await elb.send(new CreateTargetGroupCommand({
  Name: cluster, Protocol: "HTTP", Port: 80, VpcId: balancer.VpcId }));
told.group = [group.HealthCheckIntervalSeconds, group.Matcher.HttpCode];
told.targets = (await elb.send(new DescribeTargetHealthCommand({
  TargetGroupArn: group.TargetGroupArn }))).TargetHealthDescriptions;
told.noBalancer = await elb.send(new DescribeLoadBalancersCommand({ Names: ["absent"] })).catch(e => e.name);

const { imageDetails } = await ecr.send(new DescribeImagesCommand({ repositoryName: "app" }));
told.images = imageDetails.every(i => i.imagePushedAt instanceof Date && i.imageSizeInBytes > 0);
told.noRepository = await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: ["absent"] })).catch(e => e.name);

await logs.send(new CreateLogGroupCommand({ logGroupName: "/javascript" }));
await logs.send(new CreateLogStreamCommand({ logGroupName: "/javascript", logStreamName: "s" }));
await logs.send(new PutLogEventsCommand({ logGroupName: "/javascript", logStreamName: "s",
  logEvents: [{ timestamp: Date.now(), message: "grüß dich" }] }));
told.events_of_logs = (await logs.send(new FilterLogEventsCommand({ logGroupName: "/javascript" }))).events
  .map(e => e.message);
console.log(JSON.stringify(told));
